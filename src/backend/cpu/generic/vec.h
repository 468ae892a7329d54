// The vector type of shared/ kernels in plain C++: eight floats, which any compiler turns into what
// the target has. No fused multiply-add: without hardware for it that would be a library call.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "backend/cpu/float16.h"

namespace holdfast::cpu {
namespace {

constexpr int kLanes = 8;
constexpr int kScoreRows = 2;  // queries of a register tile of scores
constexpr int kValueRows = 2;  // queries of a register tile of values
constexpr int kFloatRows = 2;
constexpr const char* kIsaName = "generic";

struct Vec {
  float v[kLanes];
};

inline Vec vzero() { return Vec{}; }
inline Vec vset(float x) {
  Vec r;
  for (float& lane : r.v) lane = x;
  return r;
}
inline Vec vload(const float* p) {
  Vec r;
  std::memcpy(r.v, p, sizeof(r.v));
  return r;
}
inline void vstore(float* p, Vec a) { std::memcpy(p, a.v, sizeof(a.v)); }
// The first n lanes, 0 <= n <= kLanes; the others are zero.
inline Vec vload_n(const float* p, int n) {
  Vec r{};
  for (int i = 0; i < n; ++i) r.v[i] = p[i];
  return r;
}
inline void vstore_n(float* p, Vec a, int n) {
  for (int i = 0; i < n; ++i) p[i] = a.v[i];
}

#define HOLDFAST_LANES(expr)                      \
  Vec r;                                          \
  for (int i = 0; i < kLanes; ++i) r.v[i] = expr; \
  return r
inline Vec vadd(Vec a, Vec b) { HOLDFAST_LANES(a.v[i] + b.v[i]); }
inline Vec vsub(Vec a, Vec b) { HOLDFAST_LANES(a.v[i] - b.v[i]); }
inline Vec vmul(Vec a, Vec b) { HOLDFAST_LANES(a.v[i] * b.v[i]); }
inline Vec vdiv(Vec a, Vec b) { HOLDFAST_LANES(a.v[i] / b.v[i]); }
inline Vec vmax(Vec a, Vec b) { HOLDFAST_LANES(a.v[i] > b.v[i] ? a.v[i] : b.v[i]); }
inline Vec vmin(Vec a, Vec b) { HOLDFAST_LANES(a.v[i] < b.v[i] ? a.v[i] : b.v[i]); }
// a * b + c
inline Vec vfma(Vec a, Vec b, Vec c) { HOLDFAST_LANES(a.v[i] * b.v[i] + c.v[i]); }
// The nearest whole number, ties to even; |a| < 2^22.
inline Vec vround(Vec a) { HOLDFAST_LANES((a.v[i] + 12582912.0f) - 12582912.0f); }
// 2^a for whole a in [-126, 127].
inline Vec vpow2(Vec a) {
  Vec r;
  for (int i = 0; i < kLanes; ++i) {
    const uint32_t bits = static_cast<uint32_t>(static_cast<int32_t>(a.v[i]) + 127) << 23;
    std::memcpy(&r.v[i], &bits, 4);
  }
  return r;
}
#undef HOLDFAST_LANES

inline float vsum(Vec a) {
  return ((a.v[0] + a.v[4]) + (a.v[2] + a.v[6])) + ((a.v[1] + a.v[5]) + (a.v[3] + a.v[7]));
}
inline void vprefetch(const unsigned char*) {}
inline float vlargest(Vec a) {
  float m = a.v[0];
  for (float lane : a.v) m = lane > m ? lane : m;
  return m;
}

inline Vec vload_f16(const uint16_t* p) {
  Vec r;
  for (int i = 0; i < kLanes; ++i) r.v[i] = half_to_float(p[i]);
  return r;
}
inline Vec vload_bf16(const uint16_t* p) {
  Vec r;
  for (int i = 0; i < kLanes; ++i) r.v[i] = std::bit_cast<float>(uint32_t{p[i]} << 16);
  return r;
}
// Column c of words that hold two bf16 or f16 values, or four f8.
inline Vec vload_bf16_of_pairs(const unsigned char* p, int c) {
  Vec r;
  for (int i = 0; i < kLanes; ++i) {
    uint16_t bits;
    std::memcpy(&bits, p + 4 * i + 2 * c, 2);
    r.v[i] = std::bit_cast<float>(uint32_t{bits} << 16);
  }
  return r;
}
inline Vec vload_f16_of_pairs(const unsigned char* p, int c) {
  Vec r;
  for (int i = 0; i < kLanes; ++i) {
    uint16_t bits;
    std::memcpy(&bits, p + 4 * i + 2 * c, 2);
    r.v[i] = half_to_float(bits);
  }
  return r;
}
// Exponent and mantissa moved under float32's, the bias made up for by a product, which also turns
// subnormals right.
inline Vec vload_f8_of_fours(const unsigned char* p, int c) {
  Vec r;
  for (int i = 0; i < kLanes; ++i) {
    const uint32_t code = p[4 * i + c];
    r.v[i] = std::bit_cast<float>((code & 0x80) << 24 | (code & 0x7f) << 20) * 0x1p120f;
  }
  return r;
}
// v[i][j] = v[j][i].
inline void vtranspose(Vec* v) {
  for (int i = 0; i < kLanes; ++i) {
    for (int j = 0; j < i; ++j) {
      const float value = v[i].v[j];
      v[i].v[j] = v[j].v[i];
      v[j].v[i] = value;
    }
  }
}
inline Vec vload_i8(const int8_t* p) {
  Vec r;
  for (int i = 0; i < kLanes; ++i) r.v[i] = static_cast<float>(p[i]);
  return r;
}

}  // namespace
}  // namespace holdfast::cpu
