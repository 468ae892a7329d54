// Float weights lie as in the file, row after row: the kernels read them in place.
#pragma once

#include <cstdint>

namespace holdfast::cpu {

enum class FloatFormat : int32_t { kNone, kF32, kF16, kBF16, kF8 };

// Weight rows whose sums stand together in a work item.
constexpr int kFloatPanelRows = 32;
// Words of 4 bytes of a weight row's chunk in a kernel's scratch.
constexpr int64_t kFloatChunk = 1024;

}  // namespace holdfast::cpu
