// JSON to values and back, as Python's json module does it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/jinja/heap.h"
#include "text/jinja/value.h"

namespace holdfast::jinja {

// Every string, keys included, is untrusted. Of a repeated key the last value counts, in the place
// of the first. Nesting is bounded. invalid_argument names `what` and the byte.
Result<Value> parse_json(std::string_view json, std::string_view what, Heap& heap);

// json.dumps's parameters, as far as Hugging Face's tojson passes them on.
struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  std::optional<std::string> indent;  // one level of it; absent: all on one line
  std::optional<std::string> item_separator, key_separator;
};
// Untrusted text: mostly somebody else's strings.
Result<std::string> to_json(const Value& value, const JsonStyle& style, Budget& budget);

}  // namespace holdfast::jinja
