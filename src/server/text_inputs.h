// Texts of a request as OpenAI's API takes them: one or several, each a string or token ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/request_fields.h"

namespace holdfast {

using TextInput = std::variant<std::string, std::vector<int32_t>>;

// A string, an array of strings, an array of token ids, or an array of such arrays; at most `most`.
// Empty when something is wrong, which `fields` tells.
std::vector<TextInput> read_text_inputs(RequestFields& fields, std::string_view name, size_t most);

}  // namespace holdfast
