// What Python does with values: printing, comparing, truth, arithmetic.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "text/jinja/heap.h"
#include "text/jinja/value.h"

namespace holdfast::jinja {

inline tl::unexpected<Error> type_error(std::string message) {
  return fail(Code::kInvalidArgument, std::move(message));
}
// Using an undefined value where one is needed.
tl::unexpected<Error> undefined_error(const Value& value);

bool truth(const Value& value);
std::string float_repr(double value);
std::string string_repr(std::string_view text);
// str(value); strings keep their trust, everything else is untrusted.
Result<Text> str(const Value& value, Budget& budget);
Result<std::string> repr(const Value& value, Budget& budget);

Result<bool> equal(const Value& a, const Value& b, Budget& budget);
// a < b; an error for types that Python does not order.
Result<bool> less(const Value& a, const Value& b, Budget& budget);
// item in container
Result<bool> contains(const Value& container, const Value& item, Budget& budget);
// `op` is one of == != < <= > >= in "not in".
Result<bool> compare(std::string_view op, const Value& a, const Value& b, Budget& budget);

// `op` is one of + - * / // % **.
Result<Value> arithmetic(std::string_view op, const Value& a, const Value& b, Heap& heap);
Result<Value> negate(const Value& value);

// Booleans are integers; nothing else converts by itself.
const int64_t* as_integer(const Value& value, int64_t& storage);
// Numbers as double, for comparing and for arithmetic with a float.
bool as_double(const Value& value, double& out);

// The elements that a for statement visits (a generator is empty afterwards).
Result<std::vector<Value>> iterate(const Value& value, Heap& heap);
// object[start:stop:step], each of the three an integer or None.
Result<Value> slice(const Value& object, const Value& start, const Value& stop, const Value& step,
                    Heap& heap);
// "'dict object' has no attribute 'x'", "list object has no element 5"
Value missing_attribute(const Value& object, std::string_view name);
Value missing_item(const Value& object, const std::string& key_repr);

// Dict lookup and storage by any key that Python can hash. find: null if absent.
Result<const Value*> dict_find(const Dict& dict, const Value& key, Budget& budget);
Status dict_set(Dict& dict, Value key, Value value, Budget& budget);

// &, <, >, ' and " as HTML entities.
Text escape_html(const Text& text);

}  // namespace holdfast::jinja
