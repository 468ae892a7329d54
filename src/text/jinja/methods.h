// The methods of strings, dicts, lists and loops.
#pragma once

#include <string_view>

#include "base/result.h"
#include "text/jinja/arguments.h"
#include "text/jinja/value.h"

namespace holdfast::jinja {

class Interpreter;

// Some type has a method of this name that we can call: what a template may name behind a dot in
// front of a bracket.
bool is_known_method(std::string_view name);
// The name, from a table that stays, if Python gives `self` a method of it, implemented here or
// not: such a name hides a dict's key in a.b. Otherwise empty.
std::string_view python_method(const Value& self, std::string_view name);
// `self` has it, and call_method does it.
bool has_method(const Value& self, std::string_view name);

// unimplemented for a method that Python has and we do not.
Result<Value> call_method(Interpreter& interpreter, const Value& self, std::string_view name,
                          const Arguments& arguments);

// The two halves of call_method, by the type of `self`.
Result<Value> call_string_method(Interpreter& interpreter, const Text& self, std::string_view name,
                                 const Arguments& arguments);
Result<Value> call_container_method(Interpreter& interpreter, const Value& self,
                                    std::string_view name, const Arguments& arguments);

}  // namespace holdfast::jinja
