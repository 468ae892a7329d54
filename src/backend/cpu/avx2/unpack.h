// Packed weights to bytes and floats with AVX2, within registers.
#pragma once

#include "backend/cpu/avx2/vec.h"
#include "backend/cpu/packed_format.h"
#include "tensor/iq4_values.h"

namespace holdfast::cpu {
namespace {

// 16-bit shifts move bits between the bytes of a pair; the masks take them away.

inline __m256i load256(const unsigned char* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
inline __m256i bits(__m256i v, int mask) {
  return _mm256_and_si256(v, _mm256_set1_epi8(static_cast<char>(mask)));
}
template <int kShift>
inline __m256i shift_bits(__m256i v, int mask) {  // right by kShift, or left by -kShift
  if constexpr (kShift > 0) v = _mm256_srli_epi16(v, kShift);
  if constexpr (kShift < 0) v = _mm256_slli_epi16(v, -kShift);
  return bits(v, mask);
}
template <int kStep, int kTo>
inline __m256i one_bit(__m256i plane) {
  return shift_bits<kStep - kTo>(plane, 1 << kTo);
}
template <int kStep, int kTo>
inline __m256i two_bits(__m256i plane) {
  return shift_bits<2 * (kStep % 4) - kTo>(plane, 3 << kTo);
}

// Half a step: 32 bytes from byte `half` (0 or 32) on.
template <CodePlanes kPlanes, int kStep>
inline __m256i unpack_step(const unsigned char* strip, int half, __m256i table) {
  strip += half;
  if constexpr (kPlanes == CodePlanes::k8) {
    return _mm256_xor_si256(load256(strip + kStep * 64), _mm256_set1_epi8(-128));
  } else if constexpr (kPlanes == CodePlanes::k2 || kPlanes == CodePlanes::k21) {
    __m256i code = two_bits<kStep, 0>(load256(strip + kStep / 4 * 64));
    if constexpr (kPlanes == CodePlanes::k21)
      code = _mm256_or_si256(code, one_bit<kStep, 2>(load256(strip + 128)));
    return code;
  } else {
    __m256i code = shift_bits<kStep / 4 * 4>(load256(strip + kStep % 4 * 64), 15);
    if constexpr (kPlanes == CodePlanes::kTable) code = _mm256_shuffle_epi8(table, code);
    if constexpr (kPlanes == CodePlanes::k41)
      code = _mm256_or_si256(code, one_bit<kStep, 4>(load256(strip + 256)));
    if constexpr (kPlanes == CodePlanes::k42)
      code = _mm256_or_si256(code, two_bits<kStep, 4>(load256(strip + 256 + kStep / 4 * 64)));
    return code;
  }
}

// The values of kTable's codes, for both 128-bit lanes.
inline __m256i iq4_table() {
  alignas(16) static constexpr auto kTable = [] {
    struct {
      int8_t values[16];
    } t{};
    for (int i = 0; i < 16; ++i) t.values[i] = codec::kIq4Values[static_cast<unsigned>(i)];
    return t;
  }();
  return _mm256_broadcastsi128_si256(
      _mm_load_si128(reinterpret_cast<const __m128i*>(kTable.values)));
}

// The eight steps of a strip, of half a panel.
template <CodePlanes kPlanes>
inline void unpack_strip(const unsigned char* strip, int half, __m256i table, __m256i* w) {
  w[0] = unpack_step<kPlanes, 0>(strip, half, table);
  w[1] = unpack_step<kPlanes, 1>(strip, half, table);
  w[2] = unpack_step<kPlanes, 2>(strip, half, table);
  w[3] = unpack_step<kPlanes, 3>(strip, half, table);
  w[4] = unpack_step<kPlanes, 4>(strip, half, table);
  w[5] = unpack_step<kPlanes, 5>(strip, half, table);
  w[6] = unpack_step<kPlanes, 6>(strip, half, table);
  w[7] = unpack_step<kPlanes, 7>(strip, half, table);
}

inline Vec halves(const unsigned char* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

// Two byte rows of unsigned integers, less `offset`, times d (of 16 rows): [2][16] floats.
inline void scale_bytes(__m256i bytes, int offset, const Vec* d, float* to) {
  const __m256i less = _mm256_set1_epi32(offset);
  const auto put = [&](__m128i row, Vec scale, float* at) {
    const __m256i whole = _mm256_sub_epi32(_mm256_cvtepu8_epi32(row), less);
    _mm256_store_ps(at, _mm256_mul_ps(_mm256_cvtepi32_ps(whole), scale));
  };
  const __m128i first = _mm256_castsi256_si128(bytes), second = _mm256_extracti128_si256(bytes, 1);
  put(first, d[0], to);
  put(_mm_srli_si128(first, 8), d[1], to + 8);
  put(second, d[0], to + 16);
  put(_mm_srli_si128(second, 8), d[1], to + 24);
}

// The sixteen 6-bit integers of 16 rows, two to a vector.
inline void unpack_six16(const unsigned char* p, __m256i* values) {
  for (int i = 0; i < 4; ++i) {
    const __m256i low = load256(p + 32 * i), high = load256(p + 128 + 32 * (i % 2));
    // Values 2i, 2i + 1 (i < 4) and 8 + 2i, 9 + 2i; their high bits at 2 (v / 4).
    if (i < 2) {
      values[i] = _mm256_or_si256(bits(low, 15), shift_bits<-4>(high, 0x30));
      values[4 + i] = _mm256_or_si256(shift_bits<4>(low, 15), bits(high, 0x30));
    } else {
      values[i] = _mm256_or_si256(bits(low, 15), shift_bits<-2>(high, 0x30));
      values[4 + i] = _mm256_or_si256(shift_bits<4>(low, 15), shift_bits<2>(high, 0x30));
    }
  }
}

inline void unpack_block_scales(ScaleForm form, const unsigned char* p, float* scales,
                                float* minimums) {
  const Vec d[2] = {halves(p), halves(p + 16)};
  const auto store = [](float* to, Vec a, Vec b) {
    _mm256_store_ps(to, a);
    _mm256_store_ps(to + 8, b);
  };
  switch (form) {
    case ScaleForm::kHalf:
      store(scales, d[0], d[1]);
      return;
    case ScaleForm::kHalfMinimum:
      store(scales, d[0], d[1]);
      store(minimums, _mm256_sub_ps(vzero(), halves(p + 32)),
            _mm256_sub_ps(vzero(), halves(p + 48)));
      return;
    case ScaleForm::kSixMinimum: {
      const Vec dmin[2] = {halves(p + 32), halves(p + 48)};
      __m256i values[8];
      unpack_six16(p + 64, values);
      for (int i = 0; i < 4; ++i) {
        scale_bytes(values[i], 0, d, scales + 32 * i);
        scale_bytes(values[4 + i], 0, dmin, minimums + 32 * i);
      }
      return;
    }
    case ScaleForm::kSix16: {
      __m256i values[8];
      unpack_six16(p + 32, values);
      for (int i = 0; i < 8; ++i) scale_bytes(values[i], 32, d, scales + 32 * i);
      return;
    }
    case ScaleForm::kSix8: {
      const __m256i high = load256(p + 96);
      const __m256i low0 = load256(p + 32), low1 = load256(p + 64);
      const auto put = [&](int i, __m256i low, __m256i two) {
        scale_bytes(_mm256_or_si256(low, two), 32, d, scales + 32 * i);
      };
      put(0, bits(low0, 15), shift_bits<-4>(high, 0x30));
      put(1, bits(low1, 15), shift_bits<-2>(high, 0x30));
      put(2, shift_bits<4>(low0, 15), bits(high, 0x30));
      put(3, shift_bits<4>(low1, 15), shift_bits<2>(high, 0x30));
      return;
    }
    case ScaleForm::kBytes:
      for (int i = 0; i < 8; ++i) {
        const __m256i biased = _mm256_xor_si256(load256(p + 32 + 32 * i), _mm256_set1_epi8(-128));
        scale_bytes(biased, 128, d, scales + 32 * i);
      }
      return;
    case ScaleForm::kNibbles: {
      const Vec dmin[2] = {halves(p + 32), halves(p + 48)};
      for (int i = 0; i < 8; ++i) {
        const __m256i both = load256(p + 64 + 32 * i);
        scale_bytes(bits(both, 15), 0, d, scales + 32 * i);
        scale_bytes(shift_bits<4>(both, 15), 0, dmin, minimums + 32 * i);
      }
      return;
    }
  }
}

// Scales and minimums of the `blocks` of a chunk: [groups][16] each.
inline void unpack_scales(const PackedFormat& format, const unsigned char* p, int blocks,
                          float* scales, float* minimums) {
  for (int i = 0; i < blocks; ++i) {  // one, or 8 of one group
    unpack_block_scales(format.scales, p + i * format.scale_bytes, scales + i * kPanelRows,
                        minimums + i * kPanelRows);
  }
}

}  // namespace
}  // namespace holdfast::cpu
