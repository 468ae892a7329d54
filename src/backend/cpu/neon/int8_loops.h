// Packed weights times quantized activations with 128-bit vectors: what is alike with and without
// dot-product instructions. All codes are taken as signed: those of up to 6 bits are small enough
// as they are, those of 8 bits have their sign bit flipped.
//
// Registers: the 8 steps of a strip of half a panel (16), scales and minimums (4 to 8 of two
// groups), and for the row that passes its codes, sums of integers (2 or 4) and of floats (2).
#pragma once

#include "backend/cpu/neon/unpack.h"
#include "backend/cpu/shared/chunk.h"

namespace holdfast::cpu {
namespace {

constexpr int kPanels = 1;
constexpr bool kSignedBytes = true;

// codes = round(x / scale), scale = max |x| / 127; sums of the two halves' codes.
inline float quantize_strip(const float* x, unsigned char* codes, int32_t* sums) {
  Vec v[8];
  for (int i = 0; i < 8; ++i) v[i] = vload(x + 4 * i);
  Vec most = vabsq_f32(v[0]);
  for (int i = 1; i < 8; ++i) most = vmax(most, vabsq_f32(v[i]));
  const float largest = vlargest(most);
  const float inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
  for (int half = 0; half < 2; ++half) {
    int32x4_t q[4];
    for (int i = 0; i < 4; ++i) q[i] = vcvtnq_s32_f32(vmulq_n_f32(v[4 * half + i], inverse));
    sums[half] = vaddvq_s32(vaddq_s32(vaddq_s32(q[0], q[1]), vaddq_s32(q[2], q[3])));
    const int16x8_t low = vqmovn_high_s32(vqmovn_s32(q[0]), q[1]);
    const int16x8_t high = vqmovn_high_s32(vqmovn_s32(q[2]), q[3]);
    vst1q_u8(codes + 16 * half, vreinterpretq_u8_s8(vqmovn_high_s16(vqmovn_s16(low), high)));
  }
  return largest / 127.0f;
}

// dot[2] += the steps of a group from `first` on: w[2][step] (2 times 4 rows x 4 columns) times the
// 4 activations of each step, from x on. What an int8.h provides.
template <CodePlanes kPlanes, int kSteps>
inline void add_group(const Codes (&w)[2][8], int first, const unsigned char* x, int32x4_t* dot);

template <CodePlanes kPlanes, int kGroups, bool kMinimum, int>
void multiply(const Chunk& chunk) {
  constexpr int kSteps = 8 / kGroups;
  constexpr int kScale = kStripColumns, kAux = kScale + 4, kRecord = kAux + 4 * kGroups;
  const Codes table = kPlanes == CodePlanes::kTable ? iq4_table() : vdupq_n_u8(0);
  for (int strip = 0; strip < chunk.strips; ++strip) {
    const unsigned char* const strip_x = chunk.x + strip * chunk.rows * kRecord;
    for (int at = 0; at < chunk.ahead_bytes; at += 64)
      vprefetch(chunk.ahead[0] + strip * chunk.ahead_bytes + at);
    for (int half = 0; half < 2; ++half) {
      const unsigned char* const codes = chunk.codes[0] + strip * chunk.strip_bytes + 32 * half;
      Codes w[2][8];
      unpack_strip<kPlanes>(codes, table, w[0]);
      unpack_strip<kPlanes>(codes + 16, table, w[1]);
      const float* const scales = chunk.scales[0] + strip * kGroups * kPanelRows + 8 * half;
      const float* const minimums = chunk.minimums[0] + strip * kGroups * kPanelRows + 8 * half;
      Vec scale[kGroups][2], minimum[kGroups][2];
#pragma GCC unroll 2
      for (int g = 0; g < kGroups; ++g) {
        for (int i = 0; i < 2; ++i) {
          scale[g][i] = vload(scales + g * kPanelRows + 4 * i);
          minimum[g][i] = kMinimum ? vload(minimums + g * kPanelRows + 4 * i) : vzero();
        }
      }
      const unsigned char* x = strip_x;
      float* acc = chunk.acc[0] + 8 * half;
      for (int64_t r = 0; r < chunk.rows; ++r, x += kRecord, acc += kPanelRows) {
        Vec sum[2] = {vload(acc), vload(acc + 4)};
        const float x_scale = number(x + kScale);
#pragma GCC unroll 2
        for (int g = 0; g < kGroups; ++g) {
          const int32x4_t start = vdupq_n_s32(kMinimum ? 0 : word(x + kAux + 4 * g));
          int32x4_t dot[2] = {start, start};
          add_group<kPlanes, kSteps>(w, g * kSteps, x + 4 * g * kSteps, dot);
#pragma GCC unroll 2
          for (int i = 0; i < 2; ++i) {
            const Vec both = vmulq_n_f32(scale[g][i], x_scale);
            sum[i] = vfmaq_f32(sum[i], vcvtq_f32_s32(dot[i]), both);
            if constexpr (kMinimum)
              sum[i] = vfmsq_n_f32(sum[i], minimum[g][i], number(x + kAux + 4 * g));
          }
        }
        vstore(acc, sum[0]);
        vstore(acc + 4, sum[1]);
      }
    }
  }
}

}  // namespace
}  // namespace holdfast::cpu
