// The arguments of a call of a filter, test, function or method.
#pragma once

#include <array>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/jinja/value.h"

namespace holdfast::jinja {

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string_view, Value>> named;
};

// Arguments by parameter, as Python binds them; null where none was given.
inline constexpr size_t kMaxParameters = 6;
using Bound = std::array<const Value*, kMaxParameters>;
Result<Bound> bind(const Arguments& arguments, std::initializer_list<std::string_view> parameters,
                   size_t required = 0);

// Typed reading of one bound argument, with Python's leniency where templates rely on it.
Result<bool> bool_argument(const Value* value, bool otherwise);
Result<int64_t> integer_argument(const Value* value, int64_t otherwise);
// None counts as absent.
Result<const Text*> text_argument(const Value* value, const Text* otherwise = nullptr);

}  // namespace holdfast::jinja
