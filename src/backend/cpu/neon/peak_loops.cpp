// NEON: products of bytes in 16 bits, fused multiply-add for floats.
#include "backend/cpu/peak_loops.h"

#include "backend/cpu/neon/vec.h"
#include "backend/cpu/shared/peak_loops.inl"

namespace holdfast::cpu {
namespace {

int16x8_t integers(int value) { return vdupq_n_s16(static_cast<int16_t>(value)); }

// smlal: 8 products of bytes, summed up in 16 bits. Kernels have to widen the sums now and then,
// and pay for it.
int64_t int8(int64_t rounds) {
  volatile int8_t opaque = 1;
  const int8x8_t a = vdup_n_s8(opaque);
  int8x8_t b = vdup_n_s8(opaque);
  int16x8_t sums[kSums];
  start_apart(sums, integers);
  for (int64_t i = 0; i < rounds; ++i) {
    asm volatile("" : "+w"(b));  // the product is not the same every time, as far as one can tell
    for (int16x8_t& sum : sums) sum = vmlal_s8(sum, a, b);
  }
  Codes all[kSums];
  for (int k = 0; k < kSums; ++k) all[k] = vreinterpretq_u8_s16(sums[k]);
  return whole(all);
}

}  // namespace

PeakLoops neon_peak_loops() {
  return {.read = read,
          .int8 = {int8, int64_t{2} * kSums * 8},
          .bf16 = {},
          .fp32 = {fp32, int64_t{2} * kSums * kLanes}};
}

}  // namespace holdfast::cpu
