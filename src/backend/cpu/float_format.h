// Float weights as the kernels like them: 32 rows side by side, so that lanes are rows, an output
// is one lane's sum, and no sums across lanes are needed.
//
// A panel holds 32 rows, cut into words of 4 bytes: [word][32 rows]. A word is one column of f32,
// two of f16 or bf16 (what a bf16 dot-product instruction takes), four of f8. The panels of a
// matrix are one stream, read from front to back. The last word is filled up with zeros, the last
// panel with rows of zeros.
//
// A matrix still lying as in its file is brought into this order chunk by chunk on the way to the
// registers: slower with few rows, and the same bytes.
#pragma once

#include <cstdint>

namespace holdfast::cpu {

enum class FloatFormat : int32_t { kNone, kF32, kF16, kBF16, kF8 };

constexpr int kFloatPanelRows = 32;
// Columns summed up on their own before they are added to the output's sum. Part of the numeric
// format.
constexpr int64_t kFloatChunk = 512;

constexpr int columns_of_word(FloatFormat format) {
  return format == FloatFormat::kF32 ? 1 : format == FloatFormat::kF8 ? 4 : 2;
}
constexpr int64_t words_of(FloatFormat format, int64_t columns) {
  return (columns + columns_of_word(format) - 1) / columns_of_word(format);
}
constexpr int64_t float_panel_bytes(FloatFormat format, int64_t columns) {
  return words_of(format, columns) * kFloatPanelRows * 4;
}

}  // namespace holdfast::cpu
