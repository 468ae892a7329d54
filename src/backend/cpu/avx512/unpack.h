// Packed weights to bytes and floats with AVX-512, within registers.
#pragma once

#include "backend/cpu/avx512/vec.h"
#include "backend/cpu/packed_format.h"
#include "backend/cpu/shared/unpack_strip.inl"

namespace holdfast::cpu {
namespace {

// The values of kTable's codes, plus 128, for every 128-bit lane.
inline Codes iq4_table() {
  return _mm512_broadcast_i32x4(
      _mm_load_si128(reinterpret_cast<const __m128i*>(iq4_values<128>())));
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
  const __m512i low0 = load_codes(p), low1 = load_codes(p + 64), high = load_codes(p + 128);
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
      const __m512i low = load_codes(p + 32);
      const __m256i h = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 96));
      const __m512i high =
          _mm512_inserti64x4(_mm512_castsi256_si512(h), _mm256_srli_epi16(h, 2), 1);
      scale_bytes(_mm512_or_si512(bits(low, 15), shift_bits<-4>(high, 0x30)), 32, d, scales);
      scale_bytes(_mm512_or_si512(shift_bits<4>(low, 15), bits(high, 0x30)), 32, d, scales + 64);
      return;
    }
    case ScaleForm::kBytes:
      for (int i = 0; i < 4; ++i) {
        const __m512i biased =
            _mm512_xor_si512(load_codes(p + 32 + 64 * i), _mm512_set1_epi8(-128));
        scale_bytes(biased, 128, d, scales + 64 * i);
      }
      return;
    case ScaleForm::kNibbles: {
      const Vec dmin = halves(p + 32);
      for (int i = 0; i < 4; ++i) {
        const __m512i both = load_codes(p + 64 + 64 * i);
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
