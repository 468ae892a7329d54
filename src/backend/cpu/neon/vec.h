// The vector type of shared/ kernels in NEON, as every aarch64 has it: four floats, 32 registers.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include <arm_neon.h>

namespace holdfast::cpu {
namespace {

constexpr int kLanes = 4;
constexpr int kScoreRows = 2;  // x 8 vectors of tokens: 16 sums, 8 keys, 1 query of 32 registers
constexpr int kValueRows = 2;  // x 4 vectors of dimensions: 8 sums, 4 values, 1 weight
constexpr int kFloatRows = 6;  // x 4 vectors of weight rows: 24 sums, 4 weights, 1 activation
constexpr const char* kIsaName = "neon";

using Vec = float32x4_t;

inline Vec vzero() { return vdupq_n_f32(0.0f); }
inline Vec vset(float x) { return vdupq_n_f32(x); }
inline Vec vload(const float* p) { return vld1q_f32(p); }
inline void vstore(float* p, Vec a) { vst1q_f32(p, a); }
// The first n lanes, 0 <= n <= kLanes; the others are zero.
inline Vec vload_n(const float* p, int n) {
  if (n == kLanes) return vload(p);
  float lanes[kLanes] = {};
  for (int i = 0; i < n; ++i) lanes[i] = p[i];
  return vload(lanes);
}
inline void vstore_n(float* p, Vec a, int n) {
  if (n == kLanes) return vstore(p, a);
  float lanes[kLanes];
  vstore(lanes, a);
  for (int i = 0; i < n; ++i) p[i] = lanes[i];
}

inline Vec vadd(Vec a, Vec b) { return vaddq_f32(a, b); }
inline Vec vsub(Vec a, Vec b) { return vsubq_f32(a, b); }
inline Vec vmul(Vec a, Vec b) { return vmulq_f32(a, b); }
inline Vec vdiv(Vec a, Vec b) { return vdivq_f32(a, b); }
inline Vec vmax(Vec a, Vec b) { return vmaxq_f32(a, b); }
inline Vec vmin(Vec a, Vec b) { return vminq_f32(a, b); }
// a * b + c
inline Vec vfma(Vec a, Vec b, Vec c) { return vfmaq_f32(c, a, b); }
// The nearest whole number, ties to even.
inline Vec vround(Vec a) { return vrndnq_f32(a); }
// 2^a for whole a in [-126, 127].
inline Vec vpow2(Vec a) {
  const int32x4_t biased = vaddq_s32(vcvtq_s32_f32(a), vdupq_n_s32(127));
  return vreinterpretq_f32_s32(vshlq_n_s32(biased, 23));
}

// (0 + 1) + (2 + 3)
inline float vsum(Vec a) { return vaddvq_f32(a); }
inline float vlargest(Vec a) { return vmaxvq_f32(a); }
inline void vprefetch(const unsigned char* p) { __builtin_prefetch(p); }

inline Vec vload_f16(const uint16_t* p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
inline Vec vload_bf16(const uint16_t* p) {
  return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
}
inline uint32x4_t load_words(const unsigned char* p) { return vreinterpretq_u32_u8(vld1q_u8(p)); }
// Column c of words that hold two bf16 or f16 values, or four f8.
inline Vec vload_bf16_of_pairs(const unsigned char* p, int c) {
  const uint32x4_t words = load_words(p);
  return vreinterpretq_f32_u32(c == 0 ? vshlq_n_u32(words, 16)
                                      : vandq_u32(words, vdupq_n_u32(0xffff0000u)));
}
inline Vec vload_f16_of_pairs(const unsigned char* p, int c) {
  const uint32x4_t words = load_words(p);
  const uint16x4_t halves = c == 0 ? vmovn_u32(words) : vshrn_n_u32(words, 16);
  return vcvt_f32_f16(vreinterpret_f16_u16(halves));
}
inline Vec vload_f8_of_fours(const unsigned char* p, int c) {
  const uint32x4_t words = vshlq_u32(load_words(p), vdupq_n_s32(-8 * c));  // right by 8 c
  const uint32x4_t sign = vshlq_n_u32(vandq_u32(words, vdupq_n_u32(0x80)), 24);
  const uint32x4_t rest = vshlq_n_u32(vandq_u32(words, vdupq_n_u32(0x7f)), 20);
  // Exponent and mantissa moved under float32's, the bias made up for by a product, which also
  // turns subnormals right.
  return vmulq_f32(vreinterpretq_f32_u32(vorrq_u32(sign, rest)), vdupq_n_f32(0x1p120f));
}
// v[i][j] = v[j][i].
inline void vtranspose(Vec* v) {
  const auto pairs = [](Vec x) { return vreinterpretq_f64_f32(x); };
  const Vec a = vtrn1q_f32(v[0], v[1]), b = vtrn2q_f32(v[0], v[1]);
  const Vec c = vtrn1q_f32(v[2], v[3]), d = vtrn2q_f32(v[2], v[3]);
  v[0] = vreinterpretq_f32_f64(vtrn1q_f64(pairs(a), pairs(c)));
  v[1] = vreinterpretq_f32_f64(vtrn1q_f64(pairs(b), pairs(d)));
  v[2] = vreinterpretq_f32_f64(vtrn2q_f64(pairs(a), pairs(c)));
  v[3] = vreinterpretq_f32_f64(vtrn2q_f64(pairs(b), pairs(d)));
}

// ---- Bytes, for shared/unpack_strip.inl.

using Codes = uint8x16_t;
inline Codes load_codes(const unsigned char* p) { return vld1q_u8(p); }
inline Codes bits(Codes v, int mask) { return vandq_u8(v, vdupq_n_u8(static_cast<uint8_t>(mask))); }
template <int kShift>
inline Codes shift_bits(Codes v, int mask) {  // right by kShift, or left by -kShift
  if constexpr (kShift > 0) v = vshrq_n_u8(v, kShift);
  if constexpr (kShift < 0) v = vshlq_n_u8(v, -kShift);
  return bits(v, mask);
}
inline Codes either(Codes a, Codes b) { return vorrq_u8(a, b); }
inline Codes look_up(Codes table, Codes code) { return vqtbl1q_u8(table, code); }
inline Codes eight_bits(Codes v) { return veorq_u8(v, vdupq_n_u8(0x80)); }  // signed

}  // namespace
}  // namespace holdfast::cpu
