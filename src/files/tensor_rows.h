// Rows of stored tensors as floats.
#pragma once

#include <cstdint>

#include "tensor/tensor_view.h"

namespace holdfast {

// Rows of all matrices of the tensor together: [experts, out, in] has experts * out. A vector has
// one.
int64_t row_count(const Shape& shape);

// Decodes rows [row, row + rows) into `out`, [rows, cols]; block scales of FP8 are applied. The
// type must be a computed one.
void read_rows(const TensorView& tensor, int64_t row, int64_t rows, float* out);

}  // namespace holdfast
