// The vector type of shared/ kernels in AVX-512: sixteen floats, 32 registers.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include <immintrin.h>

namespace holdfast::cpu {
namespace {

constexpr int kLanes = 16;
constexpr int kScoreRows = 12;  // x 2 vectors of tokens: 24 sums, 2 keys, 1 query of 32 registers
constexpr int kValueRows = 6;   // x 4 vectors of dimensions: 24 sums, 4 values, 1 weight
constexpr int kFloatRows = 12;  // x 2 vectors of weight rows: 24 sums, 2 weights, 1 activation
constexpr const char* kIsaName = "avx512";

using Vec = __m512;

inline __mmask16 first_lanes(int n) { return static_cast<__mmask16>((1u << n) - 1); }

inline Vec vzero() { return _mm512_setzero_ps(); }
inline Vec vset(float x) { return _mm512_set1_ps(x); }
inline Vec vload(const float* p) { return _mm512_loadu_ps(p); }
inline void vstore(float* p, Vec a) { _mm512_storeu_ps(p, a); }
// The first n lanes, 0 <= n <= kLanes; the others are zero.
inline Vec vload_n(const float* p, int n) { return _mm512_maskz_loadu_ps(first_lanes(n), p); }
inline void vstore_n(float* p, Vec a, int n) { _mm512_mask_storeu_ps(p, first_lanes(n), a); }

inline Vec vadd(Vec a, Vec b) { return _mm512_add_ps(a, b); }
inline Vec vsub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
inline Vec vmul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
inline Vec vdiv(Vec a, Vec b) { return _mm512_div_ps(a, b); }
inline Vec vmax(Vec a, Vec b) { return _mm512_max_ps(a, b); }
inline Vec vmin(Vec a, Vec b) { return _mm512_min_ps(a, b); }
// a * b + c
inline Vec vfma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
// The nearest whole number, ties to even.
inline Vec vround(Vec a) {
  return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
// 2^a for whole a in [-126, 127].
inline Vec vpow2(Vec a) {
  const __m512i biased = _mm512_add_epi32(_mm512_cvtps_epi32(a), _mm512_set1_epi32(127));
  return _mm512_castsi512_ps(_mm512_slli_epi32(biased, 23));
}

// The four vectors' sums of lanes; each by the same tree: within quarters (0 + 2) + (1 + 3), then
// quarters (0 + 2) + (1 + 3).
inline __m128 vsum4(Vec a, Vec b, Vec c, Vec d) {
  const Vec ab = vadd(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));  // a02 b02 a13 b13
  const Vec cd = vadd(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
  const Vec low = _mm512_shuffle_ps(ab, cd, 0x44), high = _mm512_shuffle_ps(ab, cd, 0xee);
  const Vec quarters = vadd(low, high);
  const __m256 halves =
      _mm256_add_ps(_mm512_castps512_ps256(quarters), _mm512_extractf32x8_ps(quarters, 1));
  return _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1));
}
inline void vprefetch(const unsigned char* p) { _mm_prefetch(p, _MM_HINT_T0); }
inline float vsum(Vec a) { return _mm_cvtss_f32(vsum4(a, a, a, a)); }
inline float vlargest(Vec a) { return _mm512_reduce_max_ps(a); }

inline float half_to_float(uint16_t h) { return _cvtsh_ss(h); }
inline Vec vload_f16(const uint16_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
inline Vec vload_bf16(const uint16_t* p) {
  const __m512i wide =
      _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
// Column c of words that hold two bf16 or f16 values, or four f8.
inline Vec vload_bf16_of_pairs(const unsigned char* p, int c) {
  const __m512i words = _mm512_loadu_si512(p);
  const __m512i high = _mm512_set1_epi32(static_cast<int>(0xffff0000u));
  return _mm512_castsi512_ps(c == 0 ? _mm512_slli_epi32(words, 16) : _mm512_and_si512(words, high));
}
inline Vec vload_f16_of_pairs(const unsigned char* p, int c) {
  const __m512i words = _mm512_loadu_si512(p);
  return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(c == 0 ? words : _mm512_srli_epi32(words, 16)));
}
inline Vec vload_f8_of_fours(const unsigned char* p, int c) {
  const __m512i words = _mm512_srli_epi32(_mm512_loadu_si512(p), static_cast<unsigned>(8 * c));
  const __m512i sign = _mm512_slli_epi32(_mm512_and_si512(words, _mm512_set1_epi32(0x80)), 24);
  const __m512i rest = _mm512_slli_epi32(_mm512_and_si512(words, _mm512_set1_epi32(0x7f)), 20);
  // Exponent and mantissa moved under float32's, the bias made up for by a product, which also
  // turns subnormals right.
  return _mm512_mul_ps(_mm512_castsi512_ps(_mm512_or_si512(sign, rest)), _mm512_set1_ps(0x1p120f));
}
// v[i][j] = v[j][i].
inline void vtranspose(Vec* v) {
  __m512 t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(v[i], v[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(v[i], v[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {  // v[i + j]: column 4 q + j of rows i to i + 3 in quarter q
    v[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
    v[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xee);
    v[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    v[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  for (int j = 0; j < 4; ++j) {
    t[j] = _mm512_shuffle_f32x4(v[j], v[j + 4], 0x88);      // quarters 0 2 of both
    t[j + 4] = _mm512_shuffle_f32x4(v[j], v[j + 4], 0xdd);  // 1 3
    t[j + 8] = _mm512_shuffle_f32x4(v[j + 8], v[j + 12], 0x88);
    t[j + 12] = _mm512_shuffle_f32x4(v[j + 8], v[j + 12], 0xdd);
  }
  for (int j = 0; j < 4; ++j) {
    v[j] = _mm512_shuffle_f32x4(t[j], t[j + 8], 0x88);
    v[j + 8] = _mm512_shuffle_f32x4(t[j], t[j + 8], 0xdd);
    v[j + 4] = _mm512_shuffle_f32x4(t[j + 4], t[j + 12], 0x88);
    v[j + 12] = _mm512_shuffle_f32x4(t[j + 4], t[j + 12], 0xdd);
  }
}
inline Vec vload_i8(const int8_t* p) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
}

// ---- Bytes, for shared/unpack_strip.inl.

// 16-bit shifts move bits between the bytes of a pair; the masks take them away.

inline __m512i load_codes(const unsigned char* p) { return _mm512_loadu_si512(p); }
inline __m512i bits(__m512i v, int mask) {
  return _mm512_and_si512(v, _mm512_set1_epi8(static_cast<char>(mask)));
}
template <int kShift>
inline __m512i shift_bits(__m512i v, int mask) {  // right by kShift, or left by -kShift
  if constexpr (kShift > 0) v = _mm512_srli_epi16(v, kShift);
  if constexpr (kShift < 0) v = _mm512_slli_epi16(v, -kShift);
  return bits(v, mask);
}

using Codes = __m512i;
inline Codes either(Codes a, Codes b) { return _mm512_or_si512(a, b); }
inline Codes look_up(Codes table, Codes code) { return _mm512_shuffle_epi8(table, code); }
inline Codes eight_bits(Codes v) { return v; }  // unsigned, as they are

}  // namespace
}  // namespace holdfast::cpu
