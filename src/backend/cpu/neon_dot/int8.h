// Products of bytes with NEON's dot-product instructions (FEAT_DotProd).
//
// sdot multiplies 16 signed codes with 16 others and adds groups of four to 4 sums: a step of 4
// rows x 4 columns, whose 4 activations it picks out of 16 by itself. A row and a strip of half a
// panel take 16 of them; 3 loads, 4 loads and stores of sums and 6 instructions of floats (8 with
// minimums) go beside them.
#pragma once

#include "backend/cpu/neon/int8_loops.h"

namespace holdfast::cpu {
namespace {

template <CodePlanes, int kSteps>
inline void add_group(const Codes (&w)[2][8], int first, const unsigned char* x, int32x4_t* dot) {
#pragma GCC unroll 2
  for (int begin = 0; begin < kSteps; begin += 4, x += 16) {
    const int8x16_t v = vreinterpretq_s8_u8(load_codes(x));
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) {
      const auto codes = [&](int step) { return vreinterpretq_s8_u8(w[i][first + begin + step]); };
      dot[i] = vdotq_laneq_s32(dot[i], codes(0), v, 0);
      dot[i] = vdotq_laneq_s32(dot[i], codes(1), v, 1);
      dot[i] = vdotq_laneq_s32(dot[i], codes(2), v, 2);
      dot[i] = vdotq_laneq_s32(dot[i], codes(3), v, 3);
    }
  }
}

}  // namespace
}  // namespace holdfast::cpu
