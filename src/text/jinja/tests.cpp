#include "text/jinja/tests.h"

#include <algorithm>
#include <iterator>

#include "text/jinja/filters.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/python.h"
#include "text/jinja/unicode.h"

namespace holdfast::jinja {
namespace {

using Test = Result<bool> (*)(Interpreter&, const Value&, const Arguments&);

// A test without arguments, by what holds of the value.
template <bool (*kHolds)(const Value&)>
Result<bool> simple(Interpreter&, const Value& value, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}));
  return kHolds(value);
}

bool is_defined(const Value& v) { return !v.is_undefined(); }
bool is_undefined(const Value& v) { return v.is_undefined(); }
bool is_none(const Value& v) { return v.is_none(); }
bool is_boolean(const Value& v) { return v.get<bool>() != nullptr; }
bool is_true(const Value& v) { return v.get<bool>() != nullptr && *v.get<bool>(); }
bool is_false(const Value& v) { return v.get<bool>() != nullptr && !*v.get<bool>(); }
bool is_string(const Value& v) { return v.text() != nullptr; }
bool is_mapping(const Value& v) { return v.dict() != nullptr; }
bool is_integer(const Value& v) {
  return v.get<int64_t>() != nullptr || v.get<BigInt>() != nullptr;
}
bool is_float(const Value& v) { return v.get<double>() != nullptr; }
bool is_number(const Value& v) { return is_boolean(v) || is_integer(v) || is_float(v); }
bool is_iterable(const Value& v) {
  return v.text() != nullptr || v.list() != nullptr || v.dict() != nullptr || v.is_undefined() ||
         v.loop() != nullptr;
}
bool is_sequence(const Value& v) {
  if (const List* list = v.list()) {
    return list->form != List::Form::kView && list->form != List::Form::kGenerator;
  }
  return v.text() != nullptr || v.dict() != nullptr || v.is_undefined();  // Jinja says so
}
bool is_callable(const Value& v) {
  return v.is_callable() || v.loop() != nullptr || v.is_undefined();
}
bool is_escaped(const Value& v) { return v.text() != nullptr && v.text()->markup; }

// Cased characters there are, and all of them of one case.
template <bool (*kIs)(int32_t)>
Result<bool> of_case(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}));
  ASSIGN_OR_RETURN(const Text text, str(value, interpreter.budget()));
  bool any = false;
  for (size_t i = 0; i < text.size();) {
    const CodePoint c = code_point(text.view(), i);
    if (is_cased(c.value)) {
      if (!kIs(c.value)) return false;
      any = true;
    }
    i += c.size;
  }
  return any;
}

Result<bool> remainder_is(Interpreter& interpreter, const Value& value, const Value& divisor,
                          int64_t remainder) {
  ASSIGN_OR_RETURN(const Value rest, arithmetic("%", value, divisor, interpreter.heap()));
  return equal(rest, Value(remainder), interpreter.budget());
}

Result<bool> odd(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}));
  return remainder_is(interpreter, value, Value(int64_t{2}), 1);
}
Result<bool> even(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}));
  return remainder_is(interpreter, value, Value(int64_t{2}), 0);
}
Result<bool> divisible_by(Interpreter& interpreter, const Value& value,
                          const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"num"}, 1));
  return remainder_is(interpreter, value, *bound[0], 0);
}

// The comparisons, under all their names.
struct Operator {
  std::string_view name, op;
};
constexpr Operator kOperators[] = {
    {"eq", "=="}, {"equalto", "=="}, {"ne", "!="}, {"gt", ">"},  {"greaterthan", ">"}, {"ge", ">="},
    {"lt", "<"},  {"lessthan", "<"}, {"le", "<="}, {"==", "=="}, {"!=", "!="},         {">", ">"},
    {">=", ">="}, {"<", "<"},        {"<=", "<="}, {"in", "in"}};

// Identity: of what has no identity in JSON, None, booleans and the same container.
Result<bool> same_as(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"other"}, 1));
  const Value& other = *bound[0];
  if (value.variant().index() != other.variant().index()) return false;
  if (value.list() != nullptr) return value.list() == other.list();
  if (value.dict() != nullptr) return value.dict() == other.dict();
  return equal(value, other, interpreter.budget());
}

Result<bool> is_filter(Interpreter&, const Value& value, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}));
  return value.text() != nullptr && find_filter(value.text()->view()).has_value();
}
Result<bool> is_test(Interpreter&, const Value& value, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}));
  return value.text() != nullptr && find_test(value.text()->view()).has_value();
}

struct Entry {
  std::string_view name;
  Test test;
};
constexpr Entry kTests[] = {
    {"boolean", simple<is_boolean>},
    {"callable", simple<is_callable>},
    {"defined", simple<is_defined>},
    {"divisibleby", divisible_by},
    {"escaped", simple<is_escaped>},
    {"even", even},
    {"false", simple<is_false>},
    {"filter", is_filter},
    {"float", simple<is_float>},
    {"integer", simple<is_integer>},
    {"iterable", simple<is_iterable>},
    {"lower", of_case<is_lower>},
    {"mapping", simple<is_mapping>},
    {"none", simple<is_none>},
    {"number", simple<is_number>},
    {"odd", odd},
    {"sameas", same_as},
    {"sequence", simple<is_sequence>},
    {"string", simple<is_string>},
    {"test", is_test},
    {"true", simple<is_true>},
    {"undefined", simple<is_undefined>},
    {"upper", of_case<is_upper>},
};

}  // namespace

std::optional<size_t> find_test(std::string_view name) {
  for (size_t i = 0; i < std::size(kTests); ++i) {
    if (kTests[i].name == name) return i;
  }
  for (size_t i = 0; i < std::size(kOperators); ++i) {
    if (kOperators[i].name == name) return std::size(kTests) + i;
  }
  return std::nullopt;
}

Result<bool> apply_test(Interpreter& interpreter, size_t index, const Value& value,
                        const Arguments& arguments) {
  if (index < std::size(kTests)) return kTests[index].test(interpreter, value, arguments);
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"other"}, 1));
  return compare(kOperators[index - std::size(kTests)].op, value, *bound[0], interpreter.budget());
}

}  // namespace holdfast::jinja
