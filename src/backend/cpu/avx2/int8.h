// Packed weights times quantized activations with AVX2.
//
// vpmaddubsw multiplies 32 unsigned codes with 32 signed ones and adds pairs in 16 bits: one step
// of half a panel (8 rows x 4 columns) for one activation row. How many steps those 16 bits hold
// depends on the codes: 2 * 127 * 15 * 8 = 30480 for a whole group of 4-bit codes, 4 steps of 5
// bits, 2 of 6 bits. 8-bit codes are taken as signed (sign moved to the activations, vpsignb) and
// widened at every step.
//
// Register tile: one panel (2 vectors) x 4 rows: 8 sums of 16 bits, 2 weights, 1 activation; float
// sums rest in memory (L1), one load and store for each group of 8 steps.
#pragma once

#include "backend/cpu/avx2/vec.h"
#include "backend/cpu/packed_format.h"
#include "backend/cpu/shared/tile.h"
#include "tensor/iq4_values.h"

namespace holdfast::cpu {
namespace {

constexpr int kSingleBlockRows = 4, kBlockRows = 4;
constexpr bool kSignedBytes = true;

inline int panels_for(int64_t) { return 1; }

inline int32_t sum_lanes(__m256i v) {
  __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
  return _mm_cvtsi128_si32(s);
}

// codes = round(x / scale), scale = max |x| / 127; sums of the two halves' codes.
inline float quantize_strip(const float* x, int8_t* codes, int32_t* sums) {
  const __m256 mask = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  __m256 v[4];
  for (int i = 0; i < 4; ++i) v[i] = _mm256_loadu_ps(x + 8 * i);
  const auto magnitude = [&](__m256 a) { return _mm256_and_ps(a, mask); };
  const float largest = vlargest(_mm256_max_ps(_mm256_max_ps(magnitude(v[0]), magnitude(v[1])),
                                               _mm256_max_ps(magnitude(v[2]), magnitude(v[3]))));
  const float inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
  const __m256 factor = _mm256_set1_ps(inverse);
  __m256i q[4];
  for (int i = 0; i < 4; ++i) q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], factor));
  sums[0] = sum_lanes(_mm256_add_epi32(q[0], q[1]));
  sums[1] = sum_lanes(_mm256_add_epi32(q[2], q[3]));
  // Packing works within halves of 128 bits; the permutation puts the words back in order.
  const __m256i bytes =
      _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
  const __m256i ordered =
      _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  _mm256_store_si256(reinterpret_cast<__m256i*>(codes), ordered);
  return largest / 127.0f;
}

// ---- Unpacking. 16-bit shifts move bits between the bytes of a pair; the masks take them away.

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

template <CodePlanes kPlanes>
inline void unpack_codes(const unsigned char* from, int strips, int strip_bytes, uint8_t* to) {
  alignas(16) static constexpr auto kTable = [] {
    struct {
      int8_t values[16];
    } t{};
    for (int i = 0; i < 16; ++i) t.values[i] = codec::kIq4Values[static_cast<unsigned>(i)];
    return t;
  }();
  const __m256i table =
      _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(kTable.values)));
  for (int s = 0; s < strips; ++s, from += strip_bytes, to += kStripCodes) {
    for (int half = 0; half < 64; half += 32) {
      const auto put = [&](int step, __m256i v) {
        _mm256_store_si256(reinterpret_cast<__m256i*>(to + step * 64 + half), v);
      };
      put(0, unpack_step<kPlanes, 0>(from, half, table));
      put(1, unpack_step<kPlanes, 1>(from, half, table));
      put(2, unpack_step<kPlanes, 2>(from, half, table));
      put(3, unpack_step<kPlanes, 3>(from, half, table));
      put(4, unpack_step<kPlanes, 4>(from, half, table));
      put(5, unpack_step<kPlanes, 5>(from, half, table));
      put(6, unpack_step<kPlanes, 6>(from, half, table));
      put(7, unpack_step<kPlanes, 7>(from, half, table));
    }
  }
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

inline void unpack_scales(ScaleForm form, const unsigned char* p, float* scales, float* minimums) {
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
      unpack_codes<CodePlanes::k8>(codes, strips, format.strip_bytes, codes_to);
      break;
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

// kHold: steps that 16-bit sums hold; 0 for signed bytes.
template <int M, int kHold, int kGroups, bool kMinimum>
void micro(const Tile* tiles, const unsigned char* x, int strips, float* const* acc, bool first,
           const Ahead& ahead) {
  constexpr int kSteps = 8 / kGroups;
  constexpr int kAux = 4 * M, kCodes = kAux + kGroups * 4 * M, kRecord = kCodes + 32 * M;
  constexpr int kChunk = kHold == 0 ? 1 : kHold < kSteps ? kHold : kSteps;
  if (first) std::memset(acc[0], 0, M * kPanelRows * sizeof(float));
  const uint8_t* codes = tiles[0].codes;
  const float* scales = tiles[0].scales;
  const float* minimums = tiles[0].minimums;
  const __m256i ones = _mm256_set1_epi16(1);
  for (int strip = 0; strip < strips; ++strip, x += kRecord) {
    for (int at = 0; at < ahead.bytes; at += 64)
      _mm_prefetch(ahead.codes[0] + strip * ahead.bytes + at, _MM_HINT_T0);
    for (int g = 0; g < kGroups; ++g) {
      __m256i dot[M][2];
      for (int r = 0; r < M; ++r) {
        dot[r][0] = dot[r][1] =
            kMinimum ? _mm256_setzero_si256() : _mm256_set1_epi32(word(x + kAux + 4 * (g * M + r)));
      }
#pragma GCC unroll 8
      for (int begin = 0; begin < kSteps; begin += kChunk) {
        __m256i pairs[M][2];
#pragma GCC unroll 8
        for (int i = 0; i < kChunk; ++i) {
          const int step = g * kSteps + begin + i;
          const __m256i w[2] = {load256(codes + step * 64), load256(codes + step * 64 + 32)};
          for (int r = 0; r < M; ++r) {
            const __m256i v = _mm256_set1_epi32(word(x + kCodes + 4 * (step * M + r)));
            for (int h = 0; h < 2; ++h) {
              const __m256i product = kHold == 0 ? _mm256_maddubs_epi16(_mm256_abs_epi8(w[h]),
                                                                        _mm256_sign_epi8(v, w[h]))
                                                 : _mm256_maddubs_epi16(w[h], v);
              pairs[r][h] = i == 0 ? product : _mm256_add_epi16(pairs[r][h], product);
            }
          }
        }
        for (int r = 0; r < M; ++r)
          for (int h = 0; h < 2; ++h)
            dot[r][h] = _mm256_add_epi32(dot[r][h], _mm256_madd_epi16(pairs[r][h], ones));
      }
      for (int h = 0; h < 2; ++h) {
        const __m256 scale = _mm256_loadu_ps(scales + g * kPanelRows + 8 * h);
        for (int r = 0; r < M; ++r) {
          float* at = acc[0] + r * kPanelRows + 8 * h;
          const __m256 both = _mm256_mul_ps(scale, _mm256_set1_ps(number(x + 4 * r)));
          __m256 sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot[r][h]), both, _mm256_loadu_ps(at));
          if constexpr (kMinimum) {
            const __m256 total = _mm256_set1_ps(number(x + kAux + 4 * (g * M + r)));
            sum = _mm256_fnmadd_ps(_mm256_loadu_ps(minimums + g * kPanelRows + 8 * h), total, sum);
          }
          _mm256_storeu_ps(at, sum);
        }
      }
    }
    codes += kStripCodes;
    scales += kGroups * kPanelRows;
    if constexpr (kMinimum) minimums += kGroups * kPanelRows;
  }
}

template <int kHold, int kGroups, bool kMinimum>
inline Micro micro_of(int rows) {
  static constexpr Micro kRows[] = {
      micro<1, kHold, kGroups, kMinimum>, micro<2, kHold, kGroups, kMinimum>,
      micro<3, kHold, kGroups, kMinimum>, micro<4, kHold, kGroups, kMinimum>};
  return kRows[rows - 1];
}

inline Micro find_micro(const PackedFormat& format, int rows, int) {
  if (format.group == 16) {
    if (format.code_bits == 6) return micro_of<2, 2, false>(rows);  // q6_K
    return format.minimum ? micro_of<8, 2, true>(rows) : micro_of<8, 2, false>(rows);
  }
  if (format.code_bits == 8) return micro_of<0, 1, false>(rows);
  if (format.code_bits == 5) {
    return format.minimum ? micro_of<4, 1, true>(rows) : micro_of<4, 1, false>(rows);
  }
  return format.minimum ? micro_of<8, 1, true>(rows) : micro_of<8, 1, false>(rows);
}

}  // namespace
}  // namespace holdfast::cpu
