// Products of bytes in NEON as every aarch64 has it.
//
// smull and smlal multiply 8 signed bytes each and add in 16 bits: two of them are a step of 4 rows
// x 4 columns, whose 4 activations are broadcast. How many steps those 16 bits hold depends on the
// codes: 127 * 31 * 8 = 31496 for 5 bits, 4 steps of 6 bits, 2 of whole bytes (127 * 128 * 2).
// Widening and adding the columns up takes three instructions more. So a row and a strip of half a
// panel of 4-bit codes take 32 products and 8 broadcasts; a quarter of what sdot takes.
#pragma once

#include "backend/cpu/neon/int8_loops.h"

namespace holdfast::cpu {
namespace {

// Steps that 16-bit sums hold.
constexpr int steps_held(CodePlanes planes) {
  switch (planes) {
    case CodePlanes::k8:
    case CodePlanes::kTable:
      return 2;
    case CodePlanes::k42:
      return 4;
    default:
      return 8;
  }
}

template <CodePlanes kPlanes, int kSteps>
inline void add_group(const Codes (&w)[2][8], int first, const unsigned char* x, int32x4_t* dot) {
  constexpr int kHold = steps_held(kPlanes), kRun = kHold < kSteps ? kHold : kSteps;
#pragma GCC unroll 4
  for (int begin = 0; begin < kSteps; begin += kRun) {
    int16x8_t low[2], high[2];
#pragma GCC unroll 8
    for (int step = begin; step < begin + kRun; ++step) {
      int32_t four;
      std::memcpy(&four, x + 4 * step, 4);
      const int8x16_t v = vreinterpretq_s8_s32(vdupq_n_s32(four));
      for (int i = 0; i < 2; ++i) {
        const int8x16_t codes = vreinterpretq_s8_u8(w[i][first + step]);
        const bool begins = step == begin;
        low[i] = begins ? vmull_s8(vget_low_s8(codes), vget_low_s8(v))
                        : vmlal_s8(low[i], vget_low_s8(codes), vget_low_s8(v));
        high[i] = begins ? vmull_high_s8(codes, v) : vmlal_high_s8(high[i], codes, v);
      }
    }
    for (int i = 0; i < 2; ++i)
      dot[i] = vaddq_s32(dot[i], vpaddq_s32(vpaddlq_s16(low[i]), vpaddlq_s16(high[i])));
  }
}

}  // namespace
}  // namespace holdfast::cpu
