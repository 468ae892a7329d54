// Sums of products of 16-bit integers in NEON: attention over integer caches.
#pragma once

#include "backend/cpu/neon/vec.h"

namespace holdfast::cpu {
namespace {

// Rows of a register tile x 2 vectors of columns: 24 registers of sums, 2 of codes, 1 query.
constexpr int kIntRows = 6;

// Sums of kLanes columns, those of a pair's two products still apart: adding them up at the end
// costs one instruction, at every step it would double them. Each is part of a dot product, so it
// fits as the whole does (kCodeNorm).
struct IVec {
  int32x4_t low, high;
};
using IPairs = int16x8_t;  // kLanes pairs

inline IVec izero() { return {vdupq_n_s32(0), vdupq_n_s32(0)}; }
// Two int16 in every lane.
inline IPairs iset_pair(const int16_t* p) {
  int32_t pair;
  std::memcpy(&pair, p, sizeof(pair));
  return vreinterpretq_s16_s32(vdupq_n_s32(pair));
}
// kLanes pairs.
inline IPairs iload_pairs(const int16_t* p) { return vld1q_s16(p); }
inline IPairs iload_pairs(const int8_t* p) { return vmovl_s8(vld1_s8(p)); }
// In a register: else the compiler would load it again for every use.
inline IPairs ikept(IPairs a) {
  asm("" : "+w"(a));
  return a;
}
// acc + a0 * b0 + a1 * b1 in every lane.
inline IVec idot(IVec acc, IPairs a, IPairs b) {
  return {vmlal_s16(acc.low, vget_low_s16(a), vget_low_s16(b)), vmlal_high_s16(acc.high, a, b)};
}
inline Vec ifloat(IVec a) { return vcvtq_f32_s32(vpaddq_s32(a.low, a.high)); }
// Rounded to the nearest, ties to even; |a| < 32768.
inline void istore_rounded(int16_t* p, Vec a) { vst1_s16(p, vqmovn_s32(vcvtnq_s32_f32(a))); }

}  // namespace
}  // namespace holdfast::cpu
