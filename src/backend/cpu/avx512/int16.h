// Sums of products of 16-bit integers in AVX-512 VNNI: attention over integer caches.
#pragma once

#include "backend/cpu/avx512/vec.h"

namespace holdfast::cpu {
namespace {

// Rows of a register tile x 2 vectors of columns: 12 sums. Twelve rows would fit 32 registers, and
// were slower: GCC 12 copies or spills that many sums.
constexpr int kIntRows = 6;

using IVec = __m512i;  // kLanes int32

inline IVec izero() { return _mm512_setzero_si512(); }
// Two int16 in every lane.
inline IVec iset_pair(const int16_t* p) {
  int32_t pair;
  std::memcpy(&pair, p, sizeof(pair));
  return _mm512_set1_epi32(pair);
}
// kLanes pairs.
inline IVec iload_pairs(const int16_t* p) { return _mm512_loadu_si512(p); }
inline IVec iload_pairs(const int8_t* p) {
  return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
// In a register: else the compiler would load it again for every use, and loads are the limit.
inline IVec ikept(IVec a) {
  asm("" : "+v"(a));
  return a;
}
// acc + a0 * b0 + a1 * b1 in every lane.
inline IVec idot(IVec acc, IVec a, IVec b) { return _mm512_dpwssd_epi32(acc, a, b); }
inline Vec ifloat(IVec a) { return _mm512_cvtepi32_ps(a); }
// Rounded to the nearest, ties to even; |a| < 32768.
inline void istore_rounded(int16_t* p, Vec a) {
  const __m256i words = _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(a));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), words);
}

}  // namespace
}  // namespace holdfast::cpu
