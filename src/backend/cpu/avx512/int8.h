// Packed weights times quantized activations with AVX-512 VNNI.
//
// vpdpbusd multiplies 64 unsigned codes with 64 signed ones and adds groups of four to 16 sums: one
// step of a panel (16 rows x 4 columns) for one activation row, whose 4 bytes are broadcast. Signs
// cost nothing: sums start at -offset * sum(x), ready-made in the activations.
//
// Register tile: P panels x M rows, P * M integer sums and as many float sums: 2 x 6 (24 registers,
// 2 weights, 1 activation) or 1 x 12. 2 x 6: 12 vpdpbusd for 2 loads and 6 broadcasts. At the end
// of a group (8 steps, 96 vpdpbusd) each sum takes a conversion, a product of scales and one
// multiply-add, with minimums a second: with two vpdpbusd and two multiply-adds to share two ports,
// at most 80% and 73% of the vpdpbusd peak.
#pragma once

#include "backend/cpu/avx512/vec.h"
#include "backend/cpu/packed_format.h"
#include "backend/cpu/shared/tile.h"
#include "tensor/iq4_values.h"

namespace holdfast::cpu {
namespace {

constexpr int kSingleBlockRows = 12, kBlockRows = 6;
constexpr bool kSignedBytes = false;

inline int panels_for(int64_t rows) { return rows <= 6 && rows > 2 ? 2 : 1; }

// codes = round(x / scale), scale = max |x| / 127; sums of the two halves' codes.
inline float quantize_strip(const float* x, int8_t* codes, int32_t* sums) {
  const __m512 a = _mm512_loadu_ps(x), b = _mm512_loadu_ps(x + 16);
  const float largest = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(a), _mm512_abs_ps(b)));
  const float inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
  const __m512 factor = _mm512_set1_ps(inverse);
  const __m512i p = _mm512_cvtps_epi32(_mm512_mul_ps(a, factor));
  const __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(b, factor));
  _mm_store_si128(reinterpret_cast<__m128i*>(codes), _mm512_cvtsepi32_epi8(p));
  _mm_store_si128(reinterpret_cast<__m128i*>(codes + 16), _mm512_cvtsepi32_epi8(q));
  sums[0] = _mm512_reduce_add_epi32(p);
  sums[1] = _mm512_reduce_add_epi32(q);
  return largest / 127.0f;
}

// ---- Unpacking. 16-bit shifts move bits between the bytes of a pair; the masks take them away.

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
  if constexpr (kPlanes == CodePlanes::k2 || kPlanes == CodePlanes::k21) {
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

template <CodePlanes kPlanes>
inline void unpack_codes(const unsigned char* from, int strips, int strip_bytes, uint8_t* to) {
  alignas(16) static constexpr auto kTable = [] {
    struct {
      uint8_t values[16];
    } t{};
    for (int i = 0; i < 16; ++i)
      t.values[i] = static_cast<uint8_t>(codec::kIq4Values[static_cast<unsigned>(i)] + 128);
    return t;
  }();
  const __m512i table =
      _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(kTable.values)));
  for (int s = 0; s < strips; ++s, from += strip_bytes, to += kStripCodes) {
    _mm512_store_si512(to, unpack_step<kPlanes, 0>(from, table));
    _mm512_store_si512(to + 64, unpack_step<kPlanes, 1>(from, table));
    _mm512_store_si512(to + 128, unpack_step<kPlanes, 2>(from, table));
    _mm512_store_si512(to + 192, unpack_step<kPlanes, 3>(from, table));
    _mm512_store_si512(to + 256, unpack_step<kPlanes, 4>(from, table));
    _mm512_store_si512(to + 320, unpack_step<kPlanes, 5>(from, table));
    _mm512_store_si512(to + 384, unpack_step<kPlanes, 6>(from, table));
    _mm512_store_si512(to + 448, unpack_step<kPlanes, 7>(from, table));
  }
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

inline void unpack_scales(ScaleForm form, const unsigned char* p, float* scales, float* minimums) {
  const Vec d = halves(p);
  switch (form) {
    case ScaleForm::kHalf:
      _mm512_store_ps(scales, d);
      return;
    case ScaleForm::kHalfMinimum:
      _mm512_store_ps(scales, d);
      _mm512_store_ps(minimums, _mm512_sub_ps(vzero(), halves(p + 32)));
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

// `columns` of one panel. scratch: half of kPackedScratch.
inline Tile unpack_tile(const PackedFormat& format, const unsigned char* scales,
                        const unsigned char* codes, int columns, unsigned char* scratch) {
  const int strips = columns / kStripColumns, groups = columns / format.group;
  float* const scales_to = reinterpret_cast<float*>(scratch);
  float* const minimums_to = scales_to + groups * kPanelRows;
  uint8_t* const codes_to = reinterpret_cast<uint8_t*>(minimums_to + groups * kPanelRows);
  const int block_groups = format.block / format.group;
  for (int g = 0; g < groups; g += block_groups, scales += format.scale_bytes)
    unpack_scales(format.scales, scales, scales_to + g * kPanelRows, minimums_to + g * kPanelRows);
  switch (format.planes) {
    case CodePlanes::k8:
      return {codes, scales_to, nullptr};
    case CodePlanes::k4:
      unpack_codes<CodePlanes::k4>(codes, strips, format.strip_bytes, codes_to);
      break;
    case CodePlanes::kTable:
      unpack_codes<CodePlanes::kTable>(codes, strips, format.strip_bytes, codes_to);
      break;
    case CodePlanes::k41:
      unpack_codes<CodePlanes::k41>(codes, strips, format.strip_bytes, codes_to);
      break;
    case CodePlanes::k42:
      unpack_codes<CodePlanes::k42>(codes, strips, format.strip_bytes, codes_to);
      break;
    case CodePlanes::k2:
      unpack_codes<CodePlanes::k2>(codes, strips, format.strip_bytes, codes_to);
      break;
    case CodePlanes::k21:
      unpack_codes<CodePlanes::k21>(codes, strips, format.strip_bytes, codes_to);
      break;
  }
  return {codes_to, scales_to, minimums_to};
}

// ---- The register kernel.

inline int32_t word(const unsigned char* p) {
  int32_t value;
  std::memcpy(&value, p, 4);
  return value;
}
inline float number(const unsigned char* p) {
  float value;
  std::memcpy(&value, p, 4);
  return value;
}

template <int M, int P, int kGroups, bool kMinimum>
void micro(const Tile* tiles, const unsigned char* x, int strips, float* const* acc, bool first,
           const Ahead& ahead) {
  constexpr int kSteps = 8 / kGroups;
  constexpr int kAux = 4 * M, kCodes = kAux + kGroups * 4 * M, kRecord = kCodes + 32 * M;
  __m512 sum[P][M];
  for (int p = 0; p < P; ++p)
    for (int r = 0; r < M; ++r)
      sum[p][r] = first ? _mm512_setzero_ps() : _mm512_loadu_ps(acc[p] + r * kPanelRows);
  const uint8_t* codes[P];
  const float* scales[P];
  const float* minimums[P];
  for (int p = 0; p < P; ++p) {
    codes[p] = tiles[p].codes;
    scales[p] = tiles[p].scales;
    minimums[p] = tiles[p].minimums;
  }
  for (int strip = 0; strip < strips; ++strip, x += kRecord) {
    for (int at = 0; at < ahead.bytes; at += 64)
      for (int p = 0; p < P; ++p)
        _mm_prefetch(ahead.codes[p] + strip * ahead.bytes + at, _MM_HINT_T0);
    for (int g = 0; g < kGroups; ++g) {
      __m512i dot[P][M];
      for (int r = 0; r < M; ++r) {
        for (int p = 0; p < P; ++p) {
          dot[p][r] = kMinimum ? _mm512_setzero_si512()
                               : _mm512_set1_epi32(word(x + kAux + 4 * (g * M + r)));
        }
      }
#pragma GCC unroll 8
      for (int step = 0; step < kSteps; ++step) {
        __m512i w[P];
        for (int p = 0; p < P; ++p) w[p] = _mm512_loadu_si512(codes[p] + (g * kSteps + step) * 64);
        for (int r = 0; r < M; ++r) {
          const __m512i v = _mm512_set1_epi32(word(x + kCodes + 4 * ((g * kSteps + step) * M + r)));
          for (int p = 0; p < P; ++p) dot[p][r] = _mm512_dpbusd_epi32(dot[p][r], w[p], v);
        }
      }
      for (int p = 0; p < P; ++p) {
        const __m512 scale = _mm512_loadu_ps(scales[p] + g * kPanelRows);
        for (int r = 0; r < M; ++r) {
          const __m512 both = _mm512_mul_ps(scale, _mm512_set1_ps(number(x + 4 * r)));
          sum[p][r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[p][r]), both, sum[p][r]);
        }
        if constexpr (kMinimum) {
          const __m512 minimum = _mm512_loadu_ps(minimums[p] + g * kPanelRows);
          for (int r = 0; r < M; ++r) {
            const __m512 total = _mm512_set1_ps(number(x + kAux + 4 * (g * M + r)));
            sum[p][r] = _mm512_fnmadd_ps(minimum, total, sum[p][r]);
          }
        }
      }
    }
    for (int p = 0; p < P; ++p) {
      codes[p] += kStripCodes;
      scales[p] += kGroups * kPanelRows;
      if constexpr (kMinimum) minimums[p] += kGroups * kPanelRows;
    }
  }
  for (int p = 0; p < P; ++p)
    for (int r = 0; r < M; ++r) _mm512_storeu_ps(acc[p] + r * kPanelRows, sum[p][r]);
}

template <int kGroups, bool kMinimum>
inline Micro micro_of(int rows, int panels) {
  static constexpr Micro kTwo[] = {micro<1, 2, kGroups, kMinimum>, micro<2, 2, kGroups, kMinimum>,
                                   micro<3, 2, kGroups, kMinimum>, micro<4, 2, kGroups, kMinimum>,
                                   micro<5, 2, kGroups, kMinimum>, micro<6, 2, kGroups, kMinimum>};
  static constexpr Micro kOne[] = {
      micro<1, 1, kGroups, kMinimum>,  micro<2, 1, kGroups, kMinimum>,
      micro<3, 1, kGroups, kMinimum>,  micro<4, 1, kGroups, kMinimum>,
      micro<5, 1, kGroups, kMinimum>,  micro<6, 1, kGroups, kMinimum>,
      micro<7, 1, kGroups, kMinimum>,  micro<8, 1, kGroups, kMinimum>,
      micro<9, 1, kGroups, kMinimum>,  micro<10, 1, kGroups, kMinimum>,
      micro<11, 1, kGroups, kMinimum>, micro<12, 1, kGroups, kMinimum>};
  return panels == 2 ? kTwo[rows - 1] : kOne[rows - 1];
}

inline Micro find_micro(const PackedFormat& format, int rows, int panels) {
  if (format.group == 16) {
    return format.minimum ? micro_of<2, true>(rows, panels) : micro_of<2, false>(rows, panels);
  }
  return format.minimum ? micro_of<1, true>(rows, panels) : micro_of<1, false>(rows, panels);
}

}  // namespace
}  // namespace holdfast::cpu
