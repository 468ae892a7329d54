// Data types of stored tensors. Numbers are those of the GGUF format (ggml's type ids); types that
// only Hugging Face files have follow from 1000.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast {

enum class DType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ8_1 = 9,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kQ8_K = 15,
  kIQ2_XXS = 16,
  kIQ2_XS = 17,
  kIQ3_XXS = 18,
  kIQ1_S = 19,
  kIQ4_NL = 20,
  kIQ3_S = 21,
  kIQ2_S = 22,
  kIQ4_XS = 23,
  kI8 = 24,
  kI16 = 25,
  kI32 = 26,
  kI64 = 27,
  kF64 = 28,
  kIQ1_M = 29,
  kBF16 = 30,
  kTQ1_0 = 34,
  kTQ2_0 = 35,
  kMXFP4 = 39,
  kNVFP4 = 40,
  kQ1_0 = 41,
  kQ2_0 = 42,
  kF8_E4M3 = 1000,  // one byte a value; with 128x128 block scales in DeepSeek's files (see
                    // TensorView::scales)
};

struct DTypeInfo {
  DType type;
  std::string_view name;  // as ggml and `inspect` print it: "q4_K", "f16"
  uint32_t block_size;    // values in a block
  uint32_t block_bytes;   // bytes of a block
  bool computed;          // the backends can multiply with it
};

// Null for a number that is no type we know.
const DTypeInfo* find_dtype(uint32_t ggml_id);
// The name of a type that older files used and the format has since dropped ("q4_2", id 4); empty
// for all others.
std::string_view removed_dtype_name(uint32_t ggml_id);
// Null for an unknown name; case does not matter ("Q4_K", "q4_k").
const DTypeInfo* find_dtype(std::string_view name);
const DTypeInfo& dtype_info(DType type);

// Bytes of a row of `n` values; n must be a multiple of the block size.
uint64_t row_bytes(DType type, uint64_t n);

}  // namespace holdfast
