// Float weights as the kernels like them: 32 rows side by side.
//
// A panel holds 32 rows x all columns, column after column, so that lanes are rows: an output is
// one lane's sum, and no sums across lanes are needed. The panels of a matrix are one stream, read
// from front to back.
//
//   f32    [column][32 rows]
//   f16    [column][32 rows]
//   bf16   [pair of columns][32 rows][2]: what a bf16 dot-product instruction takes, and one shift
//          or mask away from float32
//   f8     float scales [block of columns][32 rows], if the weight has any; then [column][32 rows]
//
// An odd number of columns is filled up with zeros, the last panel with rows of zeros.
#pragma once

#include <cstdint>

namespace holdfast::cpu {

enum class FloatFormat : int32_t { kNone, kF32, kF16, kBF16, kF8 };

constexpr int kFloatPanelRows = 32;
// Columns summed up on their own before they are added to the output's sum. Part of the numeric
// format.
constexpr int64_t kFloatChunk = 512;

constexpr int64_t float_bytes(FloatFormat format) {
  return format == FloatFormat::kF32 ? 4 : format == FloatFormat::kF8 ? 1 : 2;
}
// Of a panel's f8 scales, before its codes: a multiple of 128.
constexpr int64_t float_scale_bytes(int64_t columns, int64_t scale_block) {
  return scale_block > 0 ? (columns + scale_block - 1) / scale_block * kFloatPanelRows * 4 : 0;
}

}  // namespace holdfast::cpu
