#include "backend/cpu/packed_floats.h"

#include <algorithm>
#include <cstring>

#include "tensor/blocks.h"

namespace holdfast::cpu {
namespace {

int64_t even(int64_t columns) { return (columns + 1) / 2 * 2; }

// [32 rows][columns] to [columns][32 rows], elements of one size. Four columns at a time: their
// places are four whole lines.
template <class Element>
void transpose(const unsigned char* rows, int64_t row_size, int count, int64_t columns,
               Element* to) {
  constexpr int64_t kColumns = 8;
  for (int64_t k = 0; k < columns; k += kColumns) {
    const int64_t n = std::min(kColumns, columns - k);
    for (int row = 0; row < count; ++row) {
      Element part[kColumns];
      std::memcpy(part, rows + row * row_size + k * static_cast<int64_t>(sizeof(Element)),
                  static_cast<std::size_t>(n) * sizeof(Element));
      for (int64_t i = 0; i < n; ++i) to[(k + i) * kFloatPanelRows + row] = part[i];
    }
  }
}

void put_scales(const TensorView& weight, int64_t first, int count, unsigned char* to) {
  const int64_t across = (weight.cols() + weight.scale_block - 1) / weight.scale_block;
  for (int64_t block = 0; block < across; ++block) {
    for (int row = 0; row < count; ++row, to += 4) {
      const int64_t tile = (first + row) / weight.scale_block * across + block;
      std::memcpy(to, &weight.scales[static_cast<std::size_t>(tile)], 4);
    }
    to += 4 * (kFloatPanelRows - count);
  }
}

}  // namespace

FloatFormat float_format(DType type) {
  switch (type) {
    case DType::kF32:
      return FloatFormat::kF32;
    case DType::kF16:
      return FloatFormat::kF16;
    case DType::kBF16:
      return FloatFormat::kBF16;
    case DType::kF8_E4M3:
      return FloatFormat::kF8;
    default:
      return FloatFormat::kNone;
  }
}

int64_t float_panel_bytes(FloatFormat format, int64_t columns, int64_t scale_block) {
  return float_scale_bytes(columns, scale_block) +
         even(columns) * kFloatPanelRows * float_bytes(format);
}

void pack_float_panel(const TensorView& weight, int64_t first, unsigned char* to) {
  const FloatFormat format = float_format(weight.type);
  const int64_t columns = weight.cols(), row_size = columns * float_bytes(format);
  const auto* rows = reinterpret_cast<const unsigned char*>(weight.bytes.data()) + first * row_size;
  const auto count = static_cast<int>(std::min<int64_t>(kFloatPanelRows, weight.rows() - first));
  if (count < kFloatPanelRows || columns % 2 != 0) {
    std::memset(to, 0,
                static_cast<std::size_t>(float_panel_bytes(format, columns, weight.scale_block)));
  }
  switch (format) {
    case FloatFormat::kF32:
      return transpose(rows, row_size, count, columns, reinterpret_cast<uint32_t*>(to));
    case FloatFormat::kF16:
      return transpose(rows, row_size, count, columns, reinterpret_cast<uint16_t*>(to));
    case FloatFormat::kBF16:
      transpose(rows, row_size, count, columns / 2, reinterpret_cast<uint32_t*>(to));
      if (columns % 2 != 0) {
        for (int row = 0; row < count; ++row) {
          std::memcpy(to + (columns / 2 * kFloatPanelRows + row) * 4,
                      rows + row * row_size + (columns - 1) * 2, 2);
        }
      }
      return;
    case FloatFormat::kF8:
      if (weight.scale_block > 0) put_scales(weight, first, count, to);
      return transpose(rows, row_size, count, columns,
                       to + float_scale_bytes(columns, weight.scale_block));
    case FloatFormat::kNone:
      return;
  }
}

void decode_float_panel_row(FloatFormat format, const unsigned char* panel, int64_t columns,
                            int64_t scale_block, int row, float* out) {
  const unsigned char* codes = panel + float_scale_bytes(columns, scale_block);
  const auto element = [&](int64_t at, auto value) {
    std::memcpy(&value, codes + at * static_cast<int64_t>(sizeof value), sizeof value);
    return value;
  };
  for (int64_t k = 0; k < columns; ++k) {
    const int64_t at = k * kFloatPanelRows + row;
    switch (format) {
      case FloatFormat::kF32:
        out[k] = element(at, 0.0f);
        break;
      case FloatFormat::kF16:
        out[k] = f16_to_f32(element(at, uint16_t{}));
        break;
      case FloatFormat::kBF16:
        out[k] = bf16_to_f32(element((k / 2 * kFloatPanelRows + row) * 2 + k % 2, uint16_t{}));
        break;
      case FloatFormat::kF8: {
        const auto code = static_cast<std::byte>(codes[at]);
        dequantize(DType::kF8_E4M3, &code, out + k, 1);
        if (scale_block > 0) {
          float scale;
          std::memcpy(&scale, panel + (k / scale_block * kFloatPanelRows + row) * 4, 4);
          out[k] *= scale;
        }
        break;
      }
      case FloatFormat::kNone:
        break;
    }
  }
}

}  // namespace holdfast::cpu
