// AVX-512: vpdpbusd (VNNI) for bytes, vdpbf16ps where there is BF16, fused multiply-add for floats.
#include "backend/cpu/peak_loops.h"

#include "backend/cpu/avx512/vec.h"
#include "backend/cpu/shared/peak_loops.inl"

namespace holdfast::cpu {
namespace {

__m512i integers(int value) { return _mm512_set1_epi32(value); }

int64_t int8(int64_t rounds) {
  volatile char opaque = 1;
  const __m512i a = _mm512_set1_epi8(opaque), b = _mm512_set1_epi8(opaque);
  __m512i sums[kSums];
  start_apart(sums, integers);
  for (int64_t i = 0; i < rounds; ++i) {
    for (__m512i& sum : sums) sum = _mm512_dpbusd_epi32(sum, a, b);
  }
  return whole(sums);
}

__attribute__((target("avx512bf16"))) int64_t bf16(int64_t rounds) {
  volatile float opaque = 0.5f;
  const __m512 x = _mm512_set1_ps(opaque);
  const __m512bh a = _mm512_cvtne2ps_pbh(x, x), b = a;
  __m512 sums[kSums];
  start_apart(sums, floats);
  for (int64_t i = 0; i < rounds; ++i) {
    for (__m512& sum : sums) sum = _mm512_dpbf16_ps(sum, a, b);
  }
  return whole(sums);
}

}  // namespace

PeakLoops avx512_peak_loops(bool has_bf16) {
  constexpr int64_t kAll = int64_t{2} * kSums * kBytes;
  return {.read = read,
          .int8 = {int8, kAll},
          .bf16 = has_bf16 ? ComputeLoop{bf16, kAll / 2} : ComputeLoop{},
          .fp32 = {fp32, kAll / 4}};
}

}  // namespace holdfast::cpu
