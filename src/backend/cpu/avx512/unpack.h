// Packed weights to bytes and floats with AVX-512, within registers.
#pragma once

#include "backend/cpu/avx512/vec.h"
#include "backend/cpu/packed_format.h"
#include "tensor/iq4_values.h"

namespace holdfast::cpu {
namespace {

// 16-bit shifts move bits between the bytes of a pair; the masks take them away.

inline __m512i load512(const unsigned char* p) { return _mm512_loadu_si512(p); }
inline __m512i bits(__m512i v, int mask) {
  return _mm512_and_si512(v, _mm512_set1_epi8(static_cast<char>(mask)));
}
template <int kShift>
inline __m512i shift_bits(__m512i v, int mask) {  // right by kShift, or left by -kShift
  if constexpr (kShift > 0) v = _mm512_srli_epi16(v, kShift);
  if constexpr (kShift < 0) v = _mm512_slli_epi16(v, -kShift);
  return bits(v, mask);
}

// Bits `kStep` of every byte, moved to bit kTo.
template <int kStep, int kTo>
inline __m512i one_bit(__m512i plane) {
  return shift_bits<kStep - kTo>(plane, 1 << kTo);
}
template <int kStep, int kTo>
inline __m512i two_bits(__m512i plane) {
  return shift_bits<2 * (kStep % 4) - kTo>(plane, 3 << kTo);
}

template <CodePlanes kPlanes, int kStep>
inline __m512i unpack_step(const unsigned char* strip, __m512i table) {
  if constexpr (kPlanes == CodePlanes::k8) {
    return load512(strip + kStep * 64);
  } else if constexpr (kPlanes == CodePlanes::k2 || kPlanes == CodePlanes::k21) {
    __m512i code = two_bits<kStep, 0>(load512(strip + kStep / 4 * 64));
    if constexpr (kPlanes == CodePlanes::k21)
      code = _mm512_or_si512(code, one_bit<kStep, 2>(load512(strip + 128)));
    return code;
  } else {
    __m512i code = shift_bits<kStep / 4 * 4>(load512(strip + kStep % 4 * 64), 15);
    if constexpr (kPlanes == CodePlanes::kTable) code = _mm512_shuffle_epi8(table, code);
    if constexpr (kPlanes == CodePlanes::k41)
      code = _mm512_or_si512(code, one_bit<kStep, 4>(load512(strip + 256)));
    if constexpr (kPlanes == CodePlanes::k42)
      code = _mm512_or_si512(code, two_bits<kStep, 4>(load512(strip + 256 + kStep / 4 * 64)));
    return code;
  }
}

// The values of kTable's codes, plus 128, for every 128-bit lane.
inline __m512i iq4_table() {
  alignas(16) static constexpr auto kTable = [] {
    struct {
      uint8_t values[16];
    } t{};
    for (int i = 0; i < 16; ++i)
      t.values[i] = static_cast<uint8_t>(codec::kIq4Values[static_cast<unsigned>(i)] + 128);
    return t;
  }();
  return _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(kTable.values)));
}

// The eight steps of a strip.
template <CodePlanes kPlanes>
inline void unpack_strip(const unsigned char* strip, __m512i table, __m512i* w) {
  w[0] = unpack_step<kPlanes, 0>(strip, table);
  w[1] = unpack_step<kPlanes, 1>(strip, table);
  w[2] = unpack_step<kPlanes, 2>(strip, table);
  w[3] = unpack_step<kPlanes, 3>(strip, table);
  w[4] = unpack_step<kPlanes, 4>(strip, table);
  w[5] = unpack_step<kPlanes, 5>(strip, table);
  w[6] = unpack_step<kPlanes, 6>(strip, table);
  w[7] = unpack_step<kPlanes, 7>(strip, table);
}

inline Vec halves(const unsigned char* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}

// Four byte rows of unsigned integers, less `offset`, times d: [4][16] floats.
inline void scale_bytes(__m512i bytes, int offset, Vec d, float* to) {
  const __m512i less = _mm512_set1_epi32(offset);
  const auto put = [&](__m128i row, float* at) {
    const __m512i whole = _mm512_sub_epi32(_mm512_cvtepu8_epi32(row), less);
    _mm512_store_ps(at, _mm512_mul_ps(_mm512_cvtepi32_ps(whole), d));
  };
  put(_mm512_castsi512_si128(bytes), to);
  put(_mm512_extracti32x4_epi32(bytes, 1), to + 16);
  put(_mm512_extracti32x4_epi32(bytes, 2), to + 32);
  put(_mm512_extracti32x4_epi32(bytes, 3), to + 48);
}

// The sixteen 6-bit integers of 16 rows, four to a vector.
inline void unpack_six16(const unsigned char* p, __m512i* values) {
  const __m512i low0 = load512(p), low1 = load512(p + 64), high = load512(p + 128);
  values[0] = _mm512_or_si512(bits(low0, 15), shift_bits<-4>(high, 0x30));
  values[1] = _mm512_or_si512(bits(low1, 15), shift_bits<-2>(high, 0x30));
  values[2] = _mm512_or_si512(shift_bits<4>(low0, 15), bits(high, 0x30));
  values[3] = _mm512_or_si512(shift_bits<4>(low1, 15), shift_bits<2>(high, 0x30));
}

inline void unpack_block_scales(ScaleForm form, const unsigned char* p, float* scales,
                                float* minimums) {
  const Vec d = halves(p);
  switch (form) {
    case ScaleForm::kHalf:
    case ScaleForm::kHalfMinimum:
      return;
    case ScaleForm::kSixMinimum: {
      const Vec dmin = halves(p + 32);
      __m512i values[4];
      unpack_six16(p + 64, values);
      scale_bytes(values[0], 0, d, scales);
      scale_bytes(values[1], 0, d, scales + 64);
      scale_bytes(values[2], 0, dmin, minimums);
      scale_bytes(values[3], 0, dmin, minimums + 64);
      return;
    }
    case ScaleForm::kSix16: {
      __m512i values[4];
      unpack_six16(p + 32, values);
      for (int i = 0; i < 4; ++i) scale_bytes(values[i], 32, d, scales + 64 * i);
      return;
    }
    case ScaleForm::kSix8: {
      const __m512i low = load512(p + 32);
      const __m256i h = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 96));
      const __m512i high =
          _mm512_inserti64x4(_mm512_castsi256_si512(h), _mm256_srli_epi16(h, 2), 1);
      scale_bytes(_mm512_or_si512(bits(low, 15), shift_bits<-4>(high, 0x30)), 32, d, scales);
      scale_bytes(_mm512_or_si512(shift_bits<4>(low, 15), bits(high, 0x30)), 32, d, scales + 64);
      return;
    }
    case ScaleForm::kBytes:
      for (int i = 0; i < 4; ++i) {
        const __m512i biased = _mm512_xor_si512(load512(p + 32 + 64 * i), _mm512_set1_epi8(-128));
        scale_bytes(biased, 128, d, scales + 64 * i);
      }
      return;
    case ScaleForm::kNibbles: {
      const Vec dmin = halves(p + 32);
      for (int i = 0; i < 4; ++i) {
        const __m512i both = load512(p + 64 + 64 * i);
        scale_bytes(bits(both, 15), 0, d, scales + 64 * i);
        scale_bytes(shift_bits<4>(both, 15), 0, dmin, minimums + 64 * i);
      }
      return;
    }
  }
}

// Scales and minimums of the `blocks` of a chunk: [groups][16] each.
inline void unpack_scales(const PackedFormat& format, const unsigned char* p, int blocks,
                          float* scales, float* minimums) {
  switch (format.scales) {
    case ScaleForm::kHalf:
      for (int i = 0; i < blocks; ++i) _mm512_store_ps(scales + 16 * i, halves(p + 32 * i));
      return;
    case ScaleForm::kHalfMinimum:
      for (int i = 0; i < blocks; ++i) {
        _mm512_store_ps(scales + 16 * i, halves(p + 64 * i));
        _mm512_store_ps(minimums + 16 * i, _mm512_sub_ps(vzero(), halves(p + 64 * i + 32)));
      }
      return;
    default:
      unpack_block_scales(format.scales, p, scales, minimums);
  }
}

}  // namespace
}  // namespace holdfast::cpu
