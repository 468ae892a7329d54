// The vector type of shared/ kernels in AVX2 with FMA and F16C: eight floats, 16 registers.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include <immintrin.h>

namespace holdfast::cpu {
namespace {

constexpr int kLanes = 8;
constexpr int kScoreRows = 2;  // x 4 vectors of tokens: 8 sums, 4 keys, 1 query of 16 registers
constexpr int kValueRows = 2;  // x 4 vectors of dimensions: 8 sums, 4 values, 1 weight
constexpr int kFloatRows = 6;  // x 2 vectors of weight rows: 12 sums, 2 weights, 1 activation
#if defined(__AVXVNNI__)
constexpr const char* kIsaName = "avx2_vnni";
#else
constexpr const char* kIsaName = "avx2";
#endif

using Vec = __m256;

inline __m256i first_lanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

inline Vec vzero() { return _mm256_setzero_ps(); }
inline Vec vset(float x) { return _mm256_set1_ps(x); }
inline Vec vload(const float* p) { return _mm256_loadu_ps(p); }
inline void vstore(float* p, Vec a) { _mm256_storeu_ps(p, a); }
// The first n lanes, 0 <= n <= kLanes; the others are zero.
inline Vec vload_n(const float* p, int n) { return _mm256_maskload_ps(p, first_lanes(n)); }
inline void vstore_n(float* p, Vec a, int n) { _mm256_maskstore_ps(p, first_lanes(n), a); }

inline Vec vadd(Vec a, Vec b) { return _mm256_add_ps(a, b); }
inline Vec vsub(Vec a, Vec b) { return _mm256_sub_ps(a, b); }
inline Vec vmul(Vec a, Vec b) { return _mm256_mul_ps(a, b); }
inline Vec vdiv(Vec a, Vec b) { return _mm256_div_ps(a, b); }
inline Vec vmax(Vec a, Vec b) { return _mm256_max_ps(a, b); }
inline Vec vmin(Vec a, Vec b) { return _mm256_min_ps(a, b); }
// a * b + c
inline Vec vfma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
// The nearest whole number, ties to even.
inline Vec vround(Vec a) {
  return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
// 2^a for whole a in [-126, 127].
inline Vec vpow2(Vec a) {
  const __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(a), _mm256_set1_epi32(127));
  return _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));
}

// The four vectors' sums of lanes; each by the same tree: within halves (0 + 2) + (1 + 3), then the
// halves.
inline __m128 vsum4(Vec a, Vec b, Vec c, Vec d) {
  const Vec ab = vadd(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));  // a02 b02 a13 b13
  const Vec cd = vadd(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
  const Vec halves = vadd(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));
  return _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1));
}
inline void vprefetch(const unsigned char* p) { _mm_prefetch(p, _MM_HINT_T0); }
inline float vsum(Vec a) { return _mm_cvtss_f32(vsum4(a, a, a, a)); }
inline float vlargest(Vec a) {
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

inline float half_to_float(uint16_t h) { return _cvtsh_ss(h); }
inline Vec vload_f16(const uint16_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
inline Vec vload_bf16(const uint16_t* p) {
  const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
// Column c of words that hold two bf16 or f16 values, or four f8.
inline Vec vload_bf16_of_pairs(const unsigned char* p, int c) {
  const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  const __m256i high = _mm256_set1_epi32(static_cast<int>(0xffff0000u));
  return _mm256_castsi256_ps(c == 0 ? _mm256_slli_epi32(words, 16) : _mm256_and_si256(words, high));
}
inline Vec vload_f16_of_pairs(const unsigned char* p, int c) {
  const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  const __m256i low =
      c == 0 ? _mm256_and_si256(words, _mm256_set1_epi32(0xffff)) : _mm256_srli_epi32(words, 16);
  const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, low), 0x08);
  return _mm256_cvtph_ps(_mm256_castsi256_si128(packed));
}
inline Vec vload_f8_of_fours(const unsigned char* p, int c) {
  const __m256i all = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  const __m256i words = _mm256_srli_epi32(all, 8 * c);
  const __m256i sign = _mm256_slli_epi32(_mm256_and_si256(words, _mm256_set1_epi32(0x80)), 24);
  const __m256i rest = _mm256_slli_epi32(_mm256_and_si256(words, _mm256_set1_epi32(0x7f)), 20);
  // Exponent and mantissa moved under float32's, the bias made up for by a product, which also
  // turns subnormals right.
  return _mm256_mul_ps(_mm256_castsi256_ps(_mm256_or_si256(sign, rest)), _mm256_set1_ps(0x1p120f));
}
// v[i][j] = v[j][i].
inline void vtranspose(Vec* v) {
  __m256 t[8];
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {  // v[i + j]: column 4 h + j of rows i to i + 3 in half h
    v[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    v[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    v[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    v[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  for (int j = 0; j < 4; ++j) {
    t[j] = _mm256_permute2f128_ps(v[j], v[j + 4], 0x20);
    t[j + 4] = _mm256_permute2f128_ps(v[j], v[j + 4], 0x31);
  }
  for (int j = 0; j < 8; ++j) v[j] = t[j];
}
inline Vec vload_i8(const int8_t* p) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
}

// ---- Bytes, for shared/unpack_strip.inl.

// 16-bit shifts move bits between the bytes of a pair; the masks take them away.

inline __m256i load_codes(const unsigned char* p) {
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

using Codes = __m256i;
inline Codes either(Codes a, Codes b) { return _mm256_or_si256(a, b); }
inline Codes look_up(Codes table, Codes code) { return _mm256_shuffle_epi8(table, code); }
inline Codes eight_bits(Codes v) { return _mm256_xor_si256(v, _mm256_set1_epi8(-128)); }  // signed

}  // namespace
}  // namespace holdfast::cpu
