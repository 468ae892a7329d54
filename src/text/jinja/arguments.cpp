#include "text/jinja/arguments.h"

#include "text/jinja/python.h"

namespace holdfast::jinja {

Result<Bound> bind(const Arguments& arguments, std::initializer_list<std::string_view> parameters,
                   size_t required) {
  Bound bound{};
  if (arguments.positional.size() > parameters.size()) {
    return type_error("takes at most " + std::to_string(parameters.size()) + " arguments");
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) bound[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    size_t i = 0;
    while (i < parameters.size() && parameters.begin()[i] != name) ++i;
    if (i == parameters.size()) return type_error("has no argument '" + std::string(name) + "'");
    if (bound[i] != nullptr) return type_error("gets '" + std::string(name) + "' twice");
    bound[i] = &value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (bound[i] == nullptr) {
      return type_error("lacks the argument '" + std::string(parameters.begin()[i]) + "'");
    }
  }
  return bound;
}

Result<bool> bool_argument(const Value* value, bool otherwise) {
  return value == nullptr ? otherwise : truth(*value);
}

Result<int64_t> integer_argument(const Value* value, int64_t otherwise) {
  if (value == nullptr || value->is_none()) return otherwise;
  int64_t storage = 0;
  const int64_t* integer = as_integer(*value, storage);
  if (integer != nullptr) return *integer;
  return type_error("needs an integer, not " + std::string(type_name(*value)));
}

Result<const Text*> text_argument(const Value* value, const Text* otherwise) {
  if (value == nullptr || value->is_none()) return otherwise;
  if (value->text() != nullptr) return value->text();
  if (value->is_undefined()) return undefined_error(*value);
  return type_error("needs a string, not " + std::string(type_name(*value)));
}

}  // namespace holdfast::jinja
