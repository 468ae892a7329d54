// Words for error messages about files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tensor/tensor_view.h"

namespace holdfast {

// A name from a file, safe to print: control characters and bytes that are not ASCII are escaped,
// and what is longer than 96 characters is cut.
std::string printable(std::string_view text);
// "[4096, 11008]"
std::string shape_text(const Shape& shape);
// "model.gguf, byte 1234"
std::string at_byte(std::string_view file, uint64_t offset);
// "f32, f16, q4_0, ...": what the backends compute with.
std::string computed_types();

}  // namespace holdfast
