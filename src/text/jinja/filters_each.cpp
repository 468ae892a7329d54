// map, select and their kin: another filter or test over each item.

#include "text/jinja/filters.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/python.h"
#include "text/jinja/tests.h"

namespace holdfast::jinja::filters {
namespace {

Arguments without_first(const Arguments& arguments, size_t count) {
  Arguments rest;
  rest.positional.assign(arguments.positional.begin() + static_cast<ptrdiff_t>(count),
                         arguments.positional.end());
  rest.named = arguments.named;
  return rest;
}

Result<std::string> name_argument(const Arguments& arguments, size_t at, std::string_view missing) {
  if (at >= arguments.positional.size()) return type_error(std::string(missing));
  const Text* name = arguments.positional[at].text();
  if (name == nullptr) return type_error("needs a name as a string");
  return name->bytes();
}

// The items for which the test (of `attribute` if asked; truth without a test) says `wanted`.
Result<Value> chosen(Interpreter& interpreter, const Value& input, const Arguments& arguments,
                     bool by_attribute, bool wanted) {
  const size_t test_at = by_attribute ? 1 : 0;
  if (by_attribute && arguments.positional.empty()) {
    return type_error("Missing parameter for attribute name");
  }
  std::optional<size_t> test;
  Arguments rest;
  if (arguments.positional.size() > test_at) {
    ASSIGN_OR_RETURN(const std::string name, name_argument(arguments, test_at, ""));
    test = find_test(name);
    if (!test) return fail(Code::kUnimplemented, "the test '" + name + "'");
    rest = without_first(arguments, test_at + 1);
  }
  std::vector<Value> out;
  if (truth(input)) {
    ASSIGN_OR_RETURN(const std::vector<Value> items, iterate(input, interpreter.heap()));
    for (const Value& item : items) {
      RETURN_IF_ERROR(interpreter.budget().steps());
      Value subject = item;
      if (by_attribute) {
        ASSIGN_OR_RETURN(subject, get_path(interpreter, item, arguments.positional[0]));
      }
      bool holds = truth(subject);
      if (test) {
        ASSIGN_OR_RETURN(holds, apply_test(interpreter, *test, subject, rest));
      }
      if (holds == wanted) out.push_back(item);
    }
  }
  return interpreter.heap().list(std::move(out), List::Form::kGenerator);
}

Result<Value> mapped_attribute(Interpreter& interpreter, const std::vector<Value>& items,
                               const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"attribute", "default"}, 1));
  std::vector<Value> out;
  for (const Value& item : items) {
    ASSIGN_OR_RETURN(Value value, get_path(interpreter, item, *bound[0]));
    if (value.is_undefined() && bound[1] != nullptr && !bound[1]->is_none()) value = *bound[1];
    out.push_back(std::move(value));
  }
  return interpreter.heap().list(std::move(out), List::Form::kGenerator);
}

}  // namespace

Result<Value> map(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  std::vector<Value> items;
  if (truth(input)) {
    ASSIGN_OR_RETURN(items, iterate(input, interpreter.heap()));
  }
  if (arguments.positional.empty() && !arguments.named.empty()) {
    return mapped_attribute(interpreter, items, arguments);
  }
  ASSIGN_OR_RETURN(const std::string name,
                   name_argument(arguments, 0, "map requires a filter argument"));
  const auto filter = find_filter(name);
  if (!filter) return fail(Code::kUnimplemented, "the filter '" + name + "'");
  const Arguments rest = without_first(arguments, 1);
  std::vector<Value> out;
  for (const Value& item : items) {
    // A filter that maps a filter that maps ...
    DepthGuard guard(interpreter.budget());
    RETURN_IF_ERROR(guard.status());
    RETURN_IF_ERROR(interpreter.budget().steps());
    ASSIGN_OR_RETURN(Value value, apply_filter(interpreter, *filter, item, rest));
    out.push_back(std::move(value));
  }
  return interpreter.heap().list(std::move(out), List::Form::kGenerator);
}

Result<Value> select(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  return chosen(interpreter, input, arguments, false, true);
}
Result<Value> reject(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  return chosen(interpreter, input, arguments, false, false);
}
Result<Value> selectattr(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  return chosen(interpreter, input, arguments, true, true);
}
Result<Value> rejectattr(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  return chosen(interpreter, input, arguments, true, false);
}

}  // namespace holdfast::jinja::filters
