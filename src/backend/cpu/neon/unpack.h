// Packed weights to bytes and floats with NEON, within registers.
#pragma once

#include <utility>

#include "backend/cpu/neon/vec.h"
#include "backend/cpu/packed_format.h"
#include "backend/cpu/shared/unpack_strip.inl"

namespace holdfast::cpu {
namespace {

// The values of kTable's codes.
inline Codes iq4_table() { return vld1q_u8(iq4_values<0>()); }

// A number for each row of a panel.
struct PanelVec {
  Vec v[kPanelRows / kLanes];
};

inline PanelVec halves(const unsigned char* p) {
  PanelVec r;
  for (int i = 0; i < 4; ++i) {
    r.v[i] = vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p + 8 * i)));
  }
  return r;
}
inline void store(float* to, const PanelVec& a) {
  for (int i = 0; i < 4; ++i) vstore(to + 4 * i, a.v[i]);
}

// A byte row of unsigned integers, less `offset`, times d: 16 floats.
inline void scale_bytes(Codes bytes, int offset, const PanelVec& d, float* to) {
  const int16x8_t less = vdupq_n_s16(static_cast<int16_t>(offset));
  const int16x8_t low = vsubq_s16(vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(bytes))), less);
  const int16x8_t high = vsubq_s16(vreinterpretq_s16_u16(vmovl_high_u8(bytes)), less);
  const auto put = [&](int i, int32x4_t whole) {
    vstore(to + 4 * i, vmul(vcvtq_f32_s32(whole), d.v[i]));
  };
  put(0, vmovl_s16(vget_low_s16(low)));
  put(1, vmovl_high_s16(low));
  put(2, vmovl_s16(vget_low_s16(high)));
  put(3, vmovl_high_s16(high));
}

// Value v of the n six-bit integers of 16 rows.
template <int n, int v>
inline Codes six(const unsigned char* p) {
  const Codes low = load_codes(p + v % (n / 2) * kPanelRows);
  const Codes high = load_codes(p + (n / 2 + v % (n / 4)) * kPanelRows);
  return either(shift_bits<v / (n / 2) * 4>(low, 15), shift_bits<v / (n / 4) * 2 - 4>(high, 0x30));
}
// Values [from, from + count) of n, less `offset`, times d: [count][16] floats.
template <int n, int from, int... v>
inline void scale_sixes(const unsigned char* p, int offset, const PanelVec& d, float* to,
                        std::integer_sequence<int, v...>) {
  (scale_bytes(six<n, from + v>(p), offset, d, to + v * kPanelRows), ...);
}
template <int count>
using Upto = std::make_integer_sequence<int, count>;

inline void unpack_block_scales(ScaleForm form, const unsigned char* p, float* scales,
                                float* minimums) {
  const PanelVec d = halves(p);
  switch (form) {
    case ScaleForm::kHalf:
      store(scales, d);
      return;
    case ScaleForm::kHalfMinimum: {
      PanelVec added = halves(p + 32);
      for (Vec& v : added.v) v = vsub(vzero(), v);
      store(scales, d);
      store(minimums, added);
      return;
    }
    case ScaleForm::kSixMinimum:
      scale_sixes<16, 0>(p + 64, 0, d, scales, Upto<8>{});
      scale_sixes<16, 8>(p + 64, 0, halves(p + 32), minimums, Upto<8>{});
      return;
    case ScaleForm::kSix16:
      scale_sixes<16, 0>(p + 32, 32, d, scales, Upto<16>{});
      return;
    case ScaleForm::kSix8:
      scale_sixes<8, 0>(p + 32, 32, d, scales, Upto<8>{});
      return;
    case ScaleForm::kBytes:
      for (int g = 0; g < 16; ++g) {
        const Codes biased = veorq_u8(load_codes(p + 32 + 16 * g), vdupq_n_u8(0x80));
        scale_bytes(biased, 128, d, scales + 16 * g);
      }
      return;
    case ScaleForm::kNibbles: {
      const PanelVec dmin = halves(p + 32);
      for (int g = 0; g < 16; ++g) {
        const Codes both = load_codes(p + 64 + 16 * g);
        scale_bytes(bits(both, 15), 0, d, scales + 16 * g);
        scale_bytes(shift_bits<4>(both, 15), 0, dmin, minimums + 16 * g);
      }
      return;
    }
  }
}

// Scales and minimums of the `blocks` of a chunk: [groups][16] each.
inline void unpack_scales(const PackedFormat& format, const unsigned char* p, int blocks,
                          float* scales, float* minimums) {
  for (int i = 0; i < blocks; ++i) {  // one, or 8 of one group
    unpack_block_scales(format.scales, p + i * format.scale_bytes, scales + i * kPanelRows,
                        minimums + i * kPanelRows);
  }
}

}  // namespace
}  // namespace holdfast::cpu
