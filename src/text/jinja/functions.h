// The global functions that Hugging Face gives a chat template: namespace, dict, range,
// raise_exception and strftime_now.
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "text/jinja/arguments.h"
#include "text/jinja/value.h"

namespace holdfast::jinja {

class Interpreter;

std::optional<size_t> find_function(std::string_view name);
Result<Value> call_function(Interpreter& interpreter, size_t index, const Arguments& arguments);

}  // namespace holdfast::jinja
