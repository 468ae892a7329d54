// AVX2: vpmaddubsw and vpmaddwd for bytes, fused multiply-add for floats. 12 sums: two units, a
// latency of 4 to 5 cycles, and 16 registers.
#include "backend/cpu/peak_loops.h"

#include <immintrin.h>

namespace holdfast::cpu {
namespace {

constexpr int kSums = 12;
constexpr int kBytes = 32;  // of a register

// Sums that start alike would be computed once for all.
template <class T, class F>
void start_apart(T (&sums)[kSums], F&& broadcast) {
  for (int k = 0; k < kSums; ++k) {
    volatile int opaque = k;
    sums[k] = broadcast(opaque);
  }
}

__m256 floats(int value) { return _mm256_set1_ps(static_cast<float>(value)); }
__m256i integers(int value) { return _mm256_set1_epi32(value); }

int64_t low_word(__m256i x) { return _mm256_extract_epi64(x, 0); }

int64_t read(const unsigned char* data, int64_t bytes) {
  __m256i sums[4] = {};
  for (int64_t i = 0; i < bytes; i += 4 * kBytes) {
    for (int k = 0; k < 4; ++k) {
      const auto* at = reinterpret_cast<const __m256i*>(data + i + k * kBytes);
      sums[k] = _mm256_xor_si256(sums[k], _mm256_load_si256(at));
    }
  }
  return low_word(
      _mm256_xor_si256(_mm256_xor_si256(sums[0], sums[1]), _mm256_xor_si256(sums[2], sums[3])));
}

int64_t fp32(int64_t rounds) {
  volatile float opaque = 0.5f;
  const __m256 a = _mm256_set1_ps(opaque), b = _mm256_set1_ps(opaque);
  __m256 sums[kSums];
  start_apart(sums, floats);
  for (int64_t i = 0; i < rounds; ++i) {
    for (__m256& sum : sums) sum = _mm256_fmadd_ps(a, b, sum);
  }
  for (int k = 1; k < kSums; ++k) sums[0] = _mm256_add_ps(sums[0], sums[k]);
  return static_cast<int64_t>(_mm256_cvtss_f32(sums[0]));
}

// Products of bytes summed up in 16 bits: the fewest instructions a product can cost here. Kernels
// have to widen the sums now and then, and pay for it.
int64_t int8(int64_t rounds) {
  volatile char opaque = 1;
  const __m256i a = _mm256_set1_epi8(opaque);
  __m256i b = _mm256_set1_epi8(opaque);
  __m256i sums[kSums];
  start_apart(sums, integers);
  for (int64_t i = 0; i < rounds; ++i) {
    asm volatile("" : "+x"(b));  // the product is not the same every time, as far as one can tell
    for (__m256i& sum : sums) sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(a, b));
  }
  for (int k = 1; k < kSums; ++k) sums[0] = _mm256_xor_si256(sums[0], sums[k]);
  return low_word(sums[0]);
}

}  // namespace

PeakLoops avx2_peak_loops() {
  return {.read = read,
          .int8 = {int8, int64_t{2} * kSums * kBytes},
          .bf16 = {},
          .fp32 = {fp32, int64_t{2} * kSums * kBytes / 4}};
}

}  // namespace holdfast::cpu
