#include <algorithm>

#include "text/jinja/interpreter.h"
#include "text/jinja/methods.h"
#include "text/jinja/python.h"

namespace holdfast::jinja {
namespace {

Result<Value> dict_view(Interpreter& interpreter, const Dict& dict, std::string_view name) {
  std::vector<Value> out;
  for (const auto& [key, value] : dict.entries) {
    if (name == "items") {
      ASSIGN_OR_RETURN(Value pair, interpreter.heap().list({key, value}, List::Form::kTuple));
      out.push_back(std::move(pair));
    } else {
      out.push_back(name == "keys" ? key : value);
    }
  }
  return interpreter.heap().list(std::move(out), List::Form::kView, "dict_" + std::string(name));
}

Result<Value> call_dict_method(Interpreter& interpreter, const Value& self, std::string_view name,
                               const Arguments& arguments) {
  const Dict& dict = *self.dict();
  if (name == "get") {
    if (!arguments.named.empty()) return type_error("takes no keyword arguments");
    ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"key", "default"}, 1));
    ASSIGN_OR_RETURN(const Value* found, dict_find(dict, *bound[0], interpreter.budget()));
    if (found != nullptr) return *found;
    return bound[1] != nullptr ? *bound[1] : Value(None{});
  }
  RETURN_IF_ERROR(bind(arguments, {}));
  if (name != "copy") return dict_view(interpreter, dict, name);
  auto copy = std::make_shared<Dict>();
  for (const auto& [key, value] : dict.entries) {
    RETURN_IF_ERROR(dict_set(*copy, key, value, interpreter.budget()));
  }
  return interpreter.heap().dict(std::move(copy));
}

// Lists may be appended to and popped from, which Hugging Face's sandbox refuses and the templates
// of Kimi-K2 do. Cycles and depth are the heap's care.
Result<Value> call_list_method(Interpreter& interpreter, List& list, std::string_view name,
                               const Arguments& arguments) {
  if (name == "copy") {
    RETURN_IF_ERROR(bind(arguments, {}));
    return interpreter.heap().list(list.items);
  }
  if (name == "pop") {
    ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"index"}));
    ASSIGN_OR_RETURN(int64_t index, integer_argument(bound[0], -1));
    const auto size = static_cast<int64_t>(list.items.size());
    if (index < 0) index += size;
    if (size == 0) return type_error("pop from empty list");
    if (index < 0 || index >= size) return type_error("pop index out of range");
    RETURN_IF_ERROR(interpreter.budget().steps((size - index) / 16));
    Value value = list.items[static_cast<size_t>(index)];
    list.items.erase(list.items.begin() + index);
    return value;
  }
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"value"}, 1));
  if (name == "append" || name == "extend") {
    std::vector<Value> more;
    if (name == "append") {
      RETURN_IF_ERROR(interpreter.budget().bytes(2 * sizeof(Value)));
      more.push_back(*bound[0]);
    } else {
      ASSIGN_OR_RETURN(more, iterate(*bound[0], interpreter.heap()));
    }
    for (Value& value : more) list.items.push_back(std::move(value));
    return Value(None{});
  }
  // count and index
  int64_t count = 0;
  for (size_t i = 0; i < list.items.size(); ++i) {
    ASSIGN_OR_RETURN(const bool same, equal(list.items[i], *bound[0], interpreter.budget()));
    if (same && name == "index") return Value(static_cast<int64_t>(i));
    count += same ? 1 : 0;
  }
  if (name == "index") return type_error("the value is not in the list");
  return Value(count);
}

}  // namespace

Result<Value> call_container_method(Interpreter& interpreter, const Value& self,
                                    std::string_view name, const Arguments& arguments) {
  if (self.dict() != nullptr) return call_dict_method(interpreter, self, name, arguments);
  return call_list_method(interpreter, *self.list(), name, arguments);
}

}  // namespace holdfast::jinja
