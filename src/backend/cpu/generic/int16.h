// Sums of products of 16-bit integers in plain C++: attention over integer caches.
#pragma once

#include "backend/cpu/generic/vec.h"

namespace holdfast::cpu {
namespace {

constexpr int kIntRows = 2;  // rows of a register tile x 2 vectors of columns

struct IVec {
  int32_t v[kLanes];
};

inline IVec izero() { return IVec{}; }
// A vector of kLanes pairs, one in each lane: the first in the low half.
inline int32_t join(int16_t first, int16_t second) {
  return static_cast<int32_t>(uint32_t{static_cast<uint16_t>(second)} << 16 |
                              static_cast<uint16_t>(first));
}
// Two int16 in every lane.
inline IVec iset_pair(const int16_t* p) {
  IVec r;
  for (int32_t& lane : r.v) lane = join(p[0], p[1]);
  return r;
}
inline IVec iload_pairs(const int16_t* p) {
  IVec r;
  for (int i = 0; i < kLanes; ++i) r.v[i] = join(p[2 * i], p[2 * i + 1]);
  return r;
}
inline IVec iload_pairs(const int8_t* p) {
  IVec r;
  for (int i = 0; i < kLanes; ++i) r.v[i] = join(p[2 * i], p[2 * i + 1]);
  return r;
}
inline IVec ikept(IVec a) { return a; }
// acc + a0 * b0 + a1 * b1 in every lane. Unsigned, since columns that nobody reads may overflow.
inline IVec idot(IVec acc, IVec a, IVec b) {
  for (int i = 0; i < kLanes; ++i) {
    const int32_t low = static_cast<int16_t>(a.v[i]) * static_cast<int16_t>(b.v[i]);
    const int32_t high = (a.v[i] >> 16) * (b.v[i] >> 16);
    acc.v[i] = static_cast<int32_t>(static_cast<uint32_t>(acc.v[i]) + static_cast<uint32_t>(low) +
                                    static_cast<uint32_t>(high));
  }
  return acc;
}
inline Vec ifloat(IVec a) {
  Vec r;
  for (int i = 0; i < kLanes; ++i) r.v[i] = static_cast<float>(a.v[i]);
  return r;
}
// Rounded to the nearest, ties to even; |a| < 32768.
inline void istore_rounded(int16_t* p, Vec a) {
  const Vec whole = vround(a);
  for (int i = 0; i < kLanes; ++i) p[i] = static_cast<int16_t>(whole.v[i]);
}

}  // namespace
}  // namespace holdfast::cpu
