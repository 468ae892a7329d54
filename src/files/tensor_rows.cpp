#include "files/tensor_rows.h"

#include "tensor/blocks.h"

namespace holdfast {

int64_t row_count(const Shape& shape) {
  int64_t rows = 1;
  for (int i = 0; i + 1 < shape.rank; ++i) rows *= shape[i];
  return rows;
}

void read_rows(const TensorView& tensor, int64_t row, int64_t rows, float* out) {
  const int64_t cols = tensor.cols();
  const uint64_t width = row_bytes(tensor.type, static_cast<uint64_t>(cols));
  dequantize(tensor.type, tensor.bytes.data() + static_cast<uint64_t>(row) * width, out,
             rows * cols);
  if (tensor.scales.empty()) return;
  const int64_t block = tensor.scale_block;
  const int64_t tiles = (cols + block - 1) / block;
  for (int64_t r = 0; r < rows; ++r) {
    const float* scales = tensor.scales.data() + (row + r) / block * tiles;
    for (int64_t c = 0; c < cols; ++c) out[r * cols + c] *= scales[c / block];
  }
}

}  // namespace holdfast
