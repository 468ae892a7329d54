// NEON with dot products: SDOT for bytes, the rest as in neon/.
#include "backend/cpu/peak_loops.h"

#include "backend/cpu/neon/vec.h"
#include "backend/cpu/shared/peak_loops.inl"

namespace holdfast::cpu {
namespace {

int32x4_t integers(int value) { return vdupq_n_s32(value); }

int64_t int8(int64_t rounds) {
  volatile int8_t opaque = 1;
  const int8x16_t a = vdupq_n_s8(opaque);
  int8x16_t b = vdupq_n_s8(opaque);
  int32x4_t sums[kSums];
  start_apart(sums, integers);
  for (int64_t i = 0; i < rounds; ++i) {
    asm volatile("" : "+w"(b));  // the product is not the same every time, as far as one can tell
    for (int32x4_t& sum : sums) sum = vdotq_s32(sum, a, b);
  }
  Codes all[kSums];
  for (int k = 0; k < kSums; ++k) all[k] = vreinterpretq_u8_s32(sums[k]);
  return whole(all);
}

}  // namespace

PeakLoops neon_dot_peak_loops() {
  return {.read = read,
          .int8 = {int8, int64_t{2} * kSums * kBytes},
          .bf16 = {},
          .fp32 = {fp32, int64_t{2} * kSums * kLanes}};
}

}  // namespace holdfast::cpu
