#include <cmath>

#include "text/jinja/format.h"
#include "text/jinja/python.h"

namespace holdfast::jinja {
namespace {

tl::unexpected<Error> unsupported(std::string_view op, const Value& a, const Value& b) {
  if (a.is_undefined()) return undefined_error(a);
  if (b.is_undefined()) return undefined_error(b);
  return type_error("unsupported operand type(s) for " + std::string(op) + ": '" +
                    std::string(type_name(a)) + "' and '" + std::string(type_name(b)) + "'");
}

tl::unexpected<Error> overflow() { return type_error("an integer grows beyond 64 bits"); }

Result<Value> power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) return type_error("0.0 cannot be raised to a negative power");
    return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t out = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(out, base, &out)) return overflow();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) return overflow();
  }
  return Value(out);
}

Result<Value> integers(std::string_view op, int64_t a, int64_t b) {
  int64_t out = 0;
  if (op == "+") return __builtin_add_overflow(a, b, &out) ? Result<Value>(overflow()) : Value(out);
  if (op == "-") return __builtin_sub_overflow(a, b, &out) ? Result<Value>(overflow()) : Value(out);
  if (op == "*") return __builtin_mul_overflow(a, b, &out) ? Result<Value>(overflow()) : Value(out);
  if (op == "**") return power(a, b);
  if (b == 0) return type_error("division by zero");
  if (op == "/") return Value(static_cast<double>(a) / static_cast<double>(b));
  if (b == -1) {  // INT64_MIN / -1 overflows
    if (op == "%") return Value(int64_t{0});
    return __builtin_sub_overflow(int64_t{0}, a, &out) ? Result<Value>(overflow()) : Value(out);
  }
  // Python rounds the quotient down, and the remainder has the divisor's sign.
  int64_t quotient = a / b, remainder = a % b;
  if (remainder != 0 && (remainder < 0) != (b < 0)) {
    --quotient;
    remainder += b;
  }
  return op == "//" ? Value(quotient) : Value(remainder);
}

Result<Value> floats(std::string_view op, double a, double b) {
  if (op == "+") return Value(a + b);
  if (op == "-") return Value(a - b);
  if (op == "*") return Value(a * b);
  if (op == "**") return Value(std::pow(a, b));
  if (b == 0.0) return type_error("float division by zero");
  if (op == "/") return Value(a / b);
  double remainder = std::fmod(a, b);
  if (remainder != 0.0 && (remainder < 0) != (b < 0)) remainder += b;
  if (op == "%") return Value(remainder);
  return Value(std::floor((a - remainder) / b + 0.5));
}

Result<Value> add_texts(const Text& a, const Text& b, Heap& heap) {
  Text out;
  out.reserve(a.size() + b.size());
  out.append(b.markup && !a.markup ? escape_html(a) : a);
  out.append(a.markup && !b.markup ? escape_html(b) : b);
  out.markup = a.markup || b.markup;
  return heap.text(std::move(out));
}

Result<Value> add_lists(const List& a, const List& b, Heap& heap) {
  RETURN_IF_ERROR(heap.budget.bytes((a.items.size() + b.items.size()) * sizeof(Value)));
  std::vector<Value> items = a.items;
  items.insert(items.end(), b.items.begin(), b.items.end());
  return heap.list(std::move(items), a.form);
}

// `sequence` * `count`, in either order.
Result<Value> repeat(const Value& sequence, int64_t count, Heap& heap) {
  const uint64_t times = count > 0 ? static_cast<uint64_t>(count) : 0;
  const size_t size =
      sequence.text() != nullptr ? sequence.text()->size() : sequence.list()->items.size();
  // Charged before it is made; capped so that the product cannot overflow.
  if (size > 0 && times > static_cast<uint64_t>(kMaxBytes) / size) {
    return heap.budget.bytes(static_cast<size_t>(kMaxBytes) + 1).map([] { return Value(); });
  }
  const size_t unit = sequence.text() != nullptr ? 1 : sizeof(Value);
  RETURN_IF_ERROR(heap.budget.bytes(static_cast<size_t>(times) * size * unit));
  if (const Text* text = sequence.text()) {
    Text out;
    out.markup = text->markup;
    if (!text->empty()) {
      for (uint64_t i = 0; i < times; ++i) out.append(*text);
    }
    return heap.text(std::move(out));
  }
  const List& list = *sequence.list();
  std::vector<Value> items;
  if (!list.items.empty()) {
    for (uint64_t i = 0; i < times; ++i) {
      items.insert(items.end(), list.items.begin(), list.items.end());
    }
  }
  return heap.list(std::move(items), list.form);
}

bool is_repeatable(const Value& value) {
  return value.text() != nullptr ||
         (value.list() != nullptr &&
          (value.list()->form == List::Form::kList || value.list()->form == List::Form::kTuple));
}

}  // namespace

Result<Value> arithmetic(std::string_view op, const Value& a, const Value& b, Heap& heap) {
  const Text *text_a = a.text(), *text_b = b.text();
  if (op == "+" && text_a != nullptr && text_b != nullptr) return add_texts(*text_a, *text_b, heap);
  int64_t storage_a = 0, storage_b = 0;
  const int64_t *int_a = as_integer(a, storage_a), *int_b = as_integer(b, storage_b);
  if (int_a != nullptr && int_b != nullptr) return integers(op, *int_a, *int_b);
  double x = 0, y = 0;
  if (as_double(a, x) && as_double(b, y)) return floats(op, x, y);
  if (op == "%" && text_a != nullptr) return percent_format(*text_a, b, heap);
  if (op == "*" && int_b != nullptr && is_repeatable(a)) return repeat(a, *int_b, heap);
  if (op == "*" && int_a != nullptr && is_repeatable(b)) return repeat(b, *int_a, heap);
  if (op == "+" && a.list() != nullptr && b.list() != nullptr && a.list()->form == b.list()->form &&
      is_repeatable(a)) {
    return add_lists(*a.list(), *b.list(), heap);
  }
  if (op == "+" && text_a != nullptr && !b.is_undefined()) {
    return type_error("can only concatenate str (not \"" + std::string(type_name(b)) +
                      "\") to str");
  }
  return unsupported(op, a, b);
}

Result<Value> negate(const Value& value) {
  int64_t storage = 0, out = 0;
  if (const int64_t* integer = as_integer(value, storage)) {
    if (__builtin_sub_overflow(int64_t{0}, *integer, &out)) return overflow();
    return Value(out);
  }
  if (const double* number = value.get<double>()) return Value(-*number);
  if (value.is_undefined()) return undefined_error(value);
  return type_error("bad operand type for unary -: '" + std::string(type_name(value)) + "'");
}

}  // namespace holdfast::jinja
