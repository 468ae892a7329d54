// Float weights brought into the order of float_format.h.
#pragma once

#include <cstdint>

#include "backend/cpu/float_format.h"
#include "tensor/tensor_view.h"

namespace holdfast::cpu {

// kNone for types that are no floats.
FloatFormat float_format(DType type);

// Bytes of a panel: a multiple of 64. scale_block as in TensorView.
int64_t float_panel_bytes(FloatFormat format, int64_t columns, int64_t scale_block);

// Packs rows [first, first + 32) of `weight` (those past its end become zero) to `to`
// (float_panel_bytes).
void pack_float_panel(const TensorView& weight, int64_t first, unsigned char* to);

// Row `row` (0 to 31) of a panel as floats.
void decode_float_panel_row(FloatFormat format, const unsigned char* panel, int64_t columns,
                            int64_t scale_block, int row, float* out);

}  // namespace holdfast::cpu
