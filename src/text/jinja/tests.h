// Jinja's tests: value is name(arguments).
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "text/jinja/arguments.h"
#include "text/jinja/value.h"

namespace holdfast::jinja {

class Interpreter;

std::optional<size_t> find_test(std::string_view name);
Result<bool> apply_test(Interpreter& interpreter, size_t index, const Value& value,
                        const Arguments& arguments);

}  // namespace holdfast::jinja
