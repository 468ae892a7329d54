// Activations to bytes with AVX2.
#pragma once

#include "backend/cpu/avx2/vec.h"

namespace holdfast::cpu {
namespace {

inline int32_t sum_lanes(__m256i v) {
  __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
  return _mm_cvtsi128_si32(s);
}

// codes = round(x / scale), scale = max |x| / 127; sums of the two halves' codes.
inline float quantize_strip(const float* x, unsigned char* codes, int32_t* sums) {
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
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes), ordered);
  return largest / 127.0f;
}

}  // namespace
}  // namespace holdfast::cpu
