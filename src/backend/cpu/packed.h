// Quantized weights brought into the order of packed_format.h.
#pragma once

#include <cstdint>

#include "backend/cpu/packed_format.h"
#include "tensor/tensor_view.h"

namespace holdfast::cpu {

// Null for types that are not packed: floats.
const PackedFormat* packed_format(DType type);

// Packs rows [first, first + 16) of `weight` (those past its end become zero) to `to`
// (panel_bytes).
void pack_panel(const PackedFormat& format, const TensorView& weight, int64_t first,
                unsigned char* to);

// Row `row` (0 to 15) of a panel as floats.
void decode_panel_row(const PackedFormat& format, const unsigned char* panel, int64_t columns,
                      int row, float* out);

}  // namespace holdfast::cpu
