// AVX-512: vpdpbusd (VNNI) for bytes, vdpbf16ps where there is BF16, fused multiply-add for floats.
// 16 sums: two units and latencies of 4 to 6 cycles.
#include "backend/cpu/peak_loops.h"

#include <immintrin.h>

namespace holdfast::cpu {
namespace {

constexpr int kSums = 16;
constexpr int kBytes = 64;  // of a register

// Sums that start alike would be computed once for all.
template <class T, class F>
void start_apart(T (&sums)[kSums], F&& broadcast) {
  for (int k = 0; k < kSums; ++k) {
    volatile int opaque = k;
    sums[k] = broadcast(opaque);
  }
}

__m512 floats(int value) { return _mm512_set1_ps(static_cast<float>(value)); }
__m512i integers(int value) { return _mm512_set1_epi32(value); }

int64_t low_word(__m512i x) { return _mm_cvtsi128_si64(_mm512_castsi512_si128(x)); }

int64_t read(const unsigned char* data, int64_t bytes) {
  __m512i sums[4] = {};
  for (int64_t i = 0; i < bytes; i += 4 * kBytes) {
    for (int k = 0; k < 4; ++k) {
      sums[k] = _mm512_xor_si512(sums[k], _mm512_load_si512(data + i + k * kBytes));
    }
  }
  return low_word(
      _mm512_xor_si512(_mm512_xor_si512(sums[0], sums[1]), _mm512_xor_si512(sums[2], sums[3])));
}

int64_t fp32(int64_t rounds) {
  volatile float opaque = 0.5f;
  const __m512 a = _mm512_set1_ps(opaque), b = _mm512_set1_ps(opaque);
  __m512 sums[kSums];
  start_apart(sums, floats);
  for (int64_t i = 0; i < rounds; ++i) {
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(a, b, sum);
  }
  for (int k = 1; k < kSums; ++k) sums[0] = _mm512_add_ps(sums[0], sums[k]);
  return static_cast<int64_t>(_mm512_cvtss_f32(sums[0]));
}

int64_t int8(int64_t rounds) {
  volatile char opaque = 1;
  const __m512i a = _mm512_set1_epi8(opaque), b = _mm512_set1_epi8(opaque);
  __m512i sums[kSums];
  start_apart(sums, integers);
  for (int64_t i = 0; i < rounds; ++i) {
    for (__m512i& sum : sums) sum = _mm512_dpbusd_epi32(sum, a, b);
  }
  for (int k = 1; k < kSums; ++k) sums[0] = _mm512_xor_si512(sums[0], sums[k]);
  return low_word(sums[0]);
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
  for (int k = 1; k < kSums; ++k) sums[0] = _mm512_add_ps(sums[0], sums[k]);
  return static_cast<int64_t>(_mm512_cvtss_f32(sums[0]));
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
