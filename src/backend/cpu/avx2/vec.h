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
constexpr int kDotRows = 3, kDotWeights = 4;  // 12 sums, 3 activations, 1 weight
constexpr int kSomeDotRows = kDotRows, kSomeDotWeights = kDotWeights;
constexpr const char* kIsaName = "avx2";

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
// to[i] (+)= the sum of lanes of v[i], for 4 vectors.
inline void vstore_sums4(const Vec* v, bool add, float* to) {
  const __m128 sums = vsum4(v[0], v[1], v[2], v[3]);
  _mm_storeu_ps(to, add ? _mm_add_ps(_mm_loadu_ps(to), sums) : sums);
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
// The even or the odd ones of 16 bf16 values.
inline Vec vload_bf16_even(const uint16_t* p) {
  const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
}
inline Vec vload_bf16_odd(const uint16_t* p) {
  const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  const __m256i high = _mm256_set1_epi32(static_cast<int>(0xffff0000u));
  return _mm256_castsi256_ps(_mm256_and_si256(pairs, high));
}
inline Vec vload_i8(const int8_t* p) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
}
// f8_e4m3: exponent and mantissa moved under float32's, the bias made up for by a product, which
// also turns subnormals right.
inline Vec vload_f8(const uint8_t* p) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  const __m256i wide = _mm256_cvtepu8_epi32(bytes);
  const __m256i sign = _mm256_slli_epi32(_mm256_and_si256(wide, _mm256_set1_epi32(0x80)), 24);
  const __m256i rest = _mm256_slli_epi32(_mm256_and_si256(wide, _mm256_set1_epi32(0x7f)), 20);
  const __m256 value = _mm256_castsi256_ps(_mm256_or_si256(sign, rest));
  return _mm256_mul_ps(value, _mm256_set1_ps(0x1p120f));
}

}  // namespace
}  // namespace holdfast::cpu
