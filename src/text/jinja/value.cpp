#include "text/jinja/value.h"

namespace holdfast::jinja {
namespace {

std::string_view list_type(const List& list) {
  switch (list.form) {
    case List::Form::kList:
      return "list";
    case List::Form::kTuple:
      return "tuple";
    case List::Form::kRange:
      return "range";
    case List::Form::kView:
      return list.name;
    case List::Form::kGenerator:
      return "generator";
  }
  return "list";
}

}  // namespace

std::string_view type_name(const Value& value) {
  if (const List* list = value.list()) return list_type(*list);
  // In the order of Value::Variant.
  static constexpr std::string_view kNames[] = {
      "Undefined", "NoneType", "bool",      "int",         "float",  "int",      "str",
      "list",      "dict",     "Namespace", "LoopContext", "method", "function", "Macro"};
  static_assert(std::size(kNames) == std::variant_size_v<Value::Variant>);
  return kNames[value.variant().index()];
}

}  // namespace holdfast::jinja
