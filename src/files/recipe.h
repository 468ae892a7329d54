// Which type each tensor of a quantized model gets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "files/model_config.h"
#include "tensor/tensor_view.h"

namespace holdfast {

// A named mixture, as llama.cpp's tools name theirs: most tensors in `base`, the more sensitive
// ones in types with more bits.
struct Recipe {
  std::string_view name;  // "q4_k_m"
  DType base;
  uint32_t file_type;  // GGUF's general.file_type
};

// Null for a name we do not know; case does not matter.
const Recipe* find_recipe(std::string_view name);
std::string recipe_names();  // "f32, f16, ..."

// The type for one tensor (GGUF's name). Vectors, norms and routers stay f32. Where a row is no
// multiple of the type's block, a type of 32-value blocks takes its place, or f16.
DType recipe_type(const Recipe& recipe, const ModelConfig& config, std::string_view name,
                  const Shape& shape);

}  // namespace holdfast
