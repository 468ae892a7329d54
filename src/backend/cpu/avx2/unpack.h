// Packed weights to bytes and floats with AVX2, within registers.
#pragma once

#include "backend/cpu/avx2/vec.h"
#include "backend/cpu/packed_format.h"
#include "backend/cpu/shared/unpack_strip.inl"

namespace holdfast::cpu {
namespace {

// The values of kTable's codes plus `offset`, for both 128-bit lanes.
template <int kOffset>
inline Codes iq4_table() {
  return _mm256_broadcastsi128_si256(
      _mm_load_si128(reinterpret_cast<const __m128i*>(iq4_values<kOffset>())));
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
    const __m256i low = load_codes(p + 32 * i), high = load_codes(p + 128 + 32 * (i % 2));
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
      const __m256i high = load_codes(p + 96);
      const __m256i low0 = load_codes(p + 32), low1 = load_codes(p + 64);
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
        const __m256i biased =
            _mm256_xor_si256(load_codes(p + 32 + 32 * i), _mm256_set1_epi8(-128));
        scale_bytes(biased, 128, d, scales + 32 * i);
      }
      return;
    case ScaleForm::kNibbles: {
      const Vec dmin[2] = {halves(p + 32), halves(p + 48)};
      for (int i = 0; i < 8; ++i) {
        const __m256i both = load_codes(p + 64 + 32 * i);
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
