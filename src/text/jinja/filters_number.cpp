#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "text/jinja/filters.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/python.h"
#include "text/jinja/unicode.h"

namespace holdfast::jinja::filters {
namespace {

std::string without_space(const Text& text) {
  const auto [begin, end] = strip(text.view(), {}, nullptr);
  return std::string(text.view().substr(begin, end - begin));
}

// Python's float(text): decimal digits, an exponent, inf and nan; nothing else.
std::optional<double> parse_float(const Text& text) {
  const std::string digits = without_space(text);
  if (digits.empty() || digits.find_first_of("xXpP(") != std::string::npos) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(digits.c_str(), &end);
  if (end != digits.c_str() + digits.size()) return std::nullopt;
  return value;
}

std::optional<int64_t> parse_int(const Text& text, int base) {
  std::string digits = without_space(text);
  if (digits.starts_with('+')) digits.erase(0, 1);
  int64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::optional<int64_t> whole(double value) {
  if (!(value > -9.2e18 && value < 9.2e18)) return std::nullopt;
  return static_cast<int64_t>(value);
}

}  // namespace

Result<Value> integer(Interpreter&, const Value& input, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"default", "base"}));
  ASSIGN_OR_RETURN(const int64_t base, integer_argument(bound[1], 10));
  if (base < 2 || base > 36) return type_error("the base lies between 2 and 36");
  const Value otherwise = bound[0] != nullptr ? *bound[0] : Value(int64_t{0});
  int64_t storage = 0;
  if (input.is_undefined()) return undefined_error(input);
  if (const int64_t* value = as_integer(input, storage)) return Value(*value);
  if (input.get<BigInt>() != nullptr) return input;
  std::optional<double> number;
  if (const double* value = input.get<double>()) number = *value;
  if (const Text* text = input.text()) {
    if (const auto value = parse_int(*text, static_cast<int>(base))) return Value(*value);
    number = parse_float(*text);
  }
  if (!number) return otherwise;
  const auto value = whole(*number);
  return value ? Value(*value) : otherwise;
}

Result<Value> floating(Interpreter&, const Value& input, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"default"}));
  if (input.is_undefined()) return undefined_error(input);
  double number = 0;
  if (as_double(input, number)) return Value(number);
  if (const Text* text = input.text()) {
    if (const auto value = parse_float(*text)) return Value(*value);
  }
  return bound[0] != nullptr ? *bound[0] : Value(0.0);
}

Result<Value> absolute(Interpreter&, const Value& input, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}));
  int64_t storage = 0;
  if (const int64_t* value = as_integer(input, storage)) {
    return *value < 0 ? negate(Value(*value)) : Result<Value>(Value(*value));
  }
  if (const double* value = input.get<double>()) return Value(std::fabs(*value));
  if (input.is_undefined()) return undefined_error(input);
  return type_error("bad operand type for abs(): '" + std::string(type_name(input)) + "'");
}

// round(precision=0, method="common"): halves to even, as Python's round.
Result<Value> round(Interpreter&, const Value& input, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"precision", "method"}));
  ASSIGN_OR_RETURN(const int64_t precision, integer_argument(bound[0], 0));
  ASSIGN_OR_RETURN(const Text* method, text_argument(bound[1]));
  if (precision < 0 || precision > 30) return type_error("the precision lies between 0 and 30");
  double number = 0;
  if (!as_double(input, number)) {
    if (input.is_undefined()) return undefined_error(input);
    return type_error("needs a number, not " + std::string(type_name(input)));
  }
  if (method == nullptr || method->view() == "common") {
    int64_t storage = 0;
    if (const int64_t* value = as_integer(input, storage)) return Value(*value);
    if (!std::isfinite(number)) return Value(number);
    char buffer[400];  // 309 digits, the point, the precision
    std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(precision), number);
    return Value(std::strtod(buffer, nullptr));
  }
  const double scale = std::pow(10.0, static_cast<double>(precision));
  if (method->view() == "ceil") return Value(std::ceil(number * scale) / scale);
  if (method->view() == "floor") return Value(std::floor(number * scale) / scale);
  return type_error("method must be common, ceil or floor");
}

}  // namespace holdfast::jinja::filters
