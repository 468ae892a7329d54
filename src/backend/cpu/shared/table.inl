// The table of an instruction set's kernels; included last.
#pragma once

namespace holdfast::cpu {
namespace {

constexpr Kernels kTable{
    .isa = kIsaName,
    .dot = dot,
    .rms_norm = rms_norm,
    .swiglu = swiglu,
    .add = add,
    .scaled_add = scaled_add,
    .rotate = rotate,
    .attend = attend,
    .merge = merge,
    .scale = scale,
};

}  // namespace
}  // namespace holdfast::cpu
