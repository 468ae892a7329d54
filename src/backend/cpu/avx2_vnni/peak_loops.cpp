// AVX2 with AVX-VNNI: VPDPBUSD for bytes, the rest as in avx2/.
#include "backend/cpu/peak_loops.h"

#include "backend/cpu/avx2/vec.h"
#include "backend/cpu/shared/peak_loops.inl"

namespace holdfast::cpu {
namespace {

__m256i integers(int value) { return _mm256_set1_epi32(value); }

int64_t int8(int64_t rounds) {
  volatile char opaque = 1;
  const __m256i a = _mm256_set1_epi8(opaque);
  __m256i b = _mm256_set1_epi8(opaque);
  __m256i sums[kSums];
  start_apart(sums, integers);
  for (int64_t i = 0; i < rounds; ++i) {
    asm volatile("" : "+x"(b));  // the product is not the same every time, as far as one can tell
    for (__m256i& sum : sums) sum = _mm256_dpbusd_avx_epi32(sum, a, b);
  }
  return whole(sums);
}

}  // namespace

PeakLoops avx2_vnni_peak_loops() {
  return {.read = read,
          .int8 = {int8, int64_t{2} * kSums * kBytes},
          .bf16 = {},
          .fp32 = {fp32, int64_t{2} * kSums * kLanes}};
}

}  // namespace holdfast::cpu
