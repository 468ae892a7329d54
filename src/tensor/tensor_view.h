// A tensor as it lies in a file or in memory: not owned, never written through.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/dtype.h"

namespace holdfast {

// Shapes are written outermost first, as PyTorch and the papers do: a weight of y = W x is [out,
// in], an expert stack [experts, out, in]. (GGUF stores the reverse; the reader turns it round.)
// Unused dimensions are absent.
struct Shape {
  std::array<int64_t, 4> dims{};
  int rank = 0;

  int64_t operator[](int i) const { return dims[static_cast<std::size_t>(i)]; }
  int64_t elements() const {
    int64_t n = 1;
    for (int i = 0; i < rank; ++i) n *= (*this)[i];
    return n;
  }
  friend bool operator==(const Shape&, const Shape&) = default;
};

struct TensorView {
  DType type = DType::kF32;
  Shape shape;
  std::span<const std::byte> bytes;  // rows without gaps, the last dimension contiguous

  // Only for kF8_E4M3 with DeepSeek's block scales (arXiv 2412.19437, section 3.3.2): one float for
  // each scale_block x scale_block tile, [ceil(out / scale_block), ceil(in / scale_block)],
  // multiplied to the value.
  std::span<const float> scales;
  int64_t scale_block = 0;

  int64_t rows() const { return shape.rank >= 2 ? shape[shape.rank - 2] : 1; }
  int64_t cols() const { return shape.rank >= 1 ? shape[shape.rank - 1] : 1; }
};

}  // namespace holdfast
