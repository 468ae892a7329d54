// Sums of products of 16-bit integers in AVX2: attention over integer caches.
#pragma once

#include "backend/cpu/avx2/vec.h"

namespace holdfast::cpu {
namespace {

// Rows of a register tile x 2 vectors of columns: 12 sums, 2 vectors of codes, 1 query, 1 product.
constexpr int kIntRows = 6;

using IVec = __m256i;  // kLanes int32

inline IVec izero() { return _mm256_setzero_si256(); }
// Two int16 in every lane.
inline IVec iset_pair(const int16_t* p) {
  int32_t pair;
  std::memcpy(&pair, p, sizeof(pair));
  return _mm256_set1_epi32(pair);
}
// kLanes pairs.
inline IVec iload_pairs(const int16_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
inline IVec iload_pairs(const int8_t* p) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
// In a register: else the compiler would load it again for every use, and loads are the limit.
inline IVec ikept(IVec a) {
  asm("" : "+x"(a));
  return a;
}
// acc + a0 * b0 + a1 * b1 in every lane.
inline IVec idot(IVec acc, IVec a, IVec b) {
#if defined(__AVXVNNI__)
  return _mm256_dpwssd_avx_epi32(acc, a, b);
#endif
  return _mm256_add_epi32(acc, _mm256_madd_epi16(a, b));
}
inline Vec ifloat(IVec a) { return _mm256_cvtepi32_ps(a); }
// Rounded to the nearest, ties to even; |a| < 32768.
inline void istore_rounded(int16_t* p, Vec a) {
  const __m256i whole = _mm256_cvtps_epi32(a);
  const __m128i words =
      _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), words);
}

}  // namespace
}  // namespace holdfast::cpu
