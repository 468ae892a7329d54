// The table of an instruction set's kernels; included last.
#pragma once

namespace holdfast::cpu {
namespace {

constexpr Kernels kTable{
    .isa = kIsaName,
    .rms_norm = rms_norm,
    .layer_norm = layer_norm,
    .gelu = gelu,
    .tanh = tanh_row,
    .swiglu = swiglu,
    .add = add,
    .scaled_add = scaled_add,
    .rotate = rotate,
    .float_block_rows = kFloatRows,
    .bf16_products = false,
    .float_rows = float_rows,
    .float_panels = float_panels,
    .pack_float_panel = pack_float_words,
    .signed_bytes = kSignedBytes,
    .quantize = quantize_block,
    .packed_panels = packed_panels,
    .attend = attend,
    .encode_query = encode_query,
    .merge = merge,
    .scale = scale,
};

}  // namespace
}  // namespace holdfast::cpu
