#include <charconv>
#include <cmath>
#include <cstdio>

#include "text/jinja/python.h"
#include "text/jinja/unicode.h"

namespace holdfast::jinja {
namespace {

Status append_repr(const Value& value, std::string& out, Budget& budget);

Status append_items(const std::vector<Value>& items, std::string& out, Budget& budget) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += ", ";
    RETURN_IF_ERROR(append_repr(items[i], out, budget));
  }
  return {};
}

Status append_list(const List& list, std::string& out, Budget& budget) {
  switch (list.form) {
    case List::Form::kList:
      out += '[';
      RETURN_IF_ERROR(append_items(list.items, out, budget));
      out += ']';
      return {};
    case List::Form::kTuple:
      out += '(';
      RETURN_IF_ERROR(append_items(list.items, out, budget));
      out += list.items.size() == 1 ? ",)" : ")";
      return {};
    case List::Form::kView:
      out += list.name + "([";
      RETURN_IF_ERROR(append_items(list.items, out, budget));
      out += "])";
      return {};
    case List::Form::kRange:
      out += list.name;
      return {};
    case List::Form::kGenerator:
      break;
  }
  return type_error("a generator (of map, select, ...) is printed: add |list or |join");
}

Status append_dict(const Dict& dict, std::string& out, Budget& budget) {
  out += '{';
  bool first = true;
  for (const auto& [key, member] : dict.entries) {
    if (!std::exchange(first, false)) out += ", ";
    RETURN_IF_ERROR(append_repr(key, out, budget));
    out += ": ";
    RETURN_IF_ERROR(append_repr(member, out, budget));
  }
  out += '}';
  return {};
}

Status append_repr(const Value& value, std::string& out, Budget& budget) {
  DepthGuard guard(budget);
  RETURN_IF_ERROR(guard.status());
  RETURN_IF_ERROR(budget.steps());
  const size_t before = out.size();
  if (const Text* text = value.text()) {
    out += string_repr(text->view());
  } else if (const List* list = value.list()) {
    RETURN_IF_ERROR(append_list(*list, out, budget));
    return {};
  } else if (const Dict* dict = value.dict()) {
    RETURN_IF_ERROR(append_dict(*dict, out, budget));
    return {};
  } else if (value.is_undefined()) {
    out += "Undefined";
  } else if (value.is_none()) {
    out += "None";
  } else if (const bool* boolean = value.get<bool>()) {
    out += *boolean ? "True" : "False";
  } else if (const int64_t* integer = value.get<int64_t>()) {
    out += std::to_string(*integer);
  } else if (const double* number = value.get<double>()) {
    out += float_repr(*number);
  } else if (const BigInt* big = value.get<BigInt>()) {
    out += *big->digits;
  } else {
    // Python would print an address or an inner name.
    return type_error("a " + std::string(type_name(value)) + " is printed");
  }
  return budget.bytes(out.size() - before);
}

}  // namespace

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto done =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  std::string shortest(buffer, done.ptr);
  const size_t e = shortest.find('e');
  int exponent = 0;
  const size_t sign = shortest[e + 1] == '+' ? 1 : 0;
  std::from_chars(shortest.data() + e + 1 + sign, shortest.data() + shortest.size(), exponent);
  if (exponent < -4 || exponent >= 16) return shortest;  // already as Python: 1e-05, 1.5e+16
  std::string digits = shortest.substr(0, e);
  std::string out = digits[0] == '-' ? "-" : "";
  std::erase_if(digits, [](char c) { return c == '-' || c == '.'; });
  if (exponent < 0) {
    out += "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  } else {
    const auto whole = static_cast<size_t>(exponent) + 1;
    if (digits.size() < whole + 1) digits.resize(whole + 1, '0');
    out += digits.substr(0, whole) + "." + digits.substr(whole);
  }
  return out;
}

std::string string_repr(std::string_view text) {
  const bool double_quoted =
      text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  const char quote = double_quoted ? '"' : '\'';
  std::string out(1, quote);
  for (size_t i = 0; i < text.size();) {
    const CodePoint c = code_point(text, i);
    char escaped[16];
    if (c.value == quote || c.value == '\\') {
      out += '\\';
      out += static_cast<char>(c.value);
    } else if (c.value == '\n' || c.value == '\r' || c.value == '\t') {
      out += c.value == '\n' ? "\\n" : c.value == '\r' ? "\\r" : "\\t";
    } else if (is_printable(c.value)) {
      out += text.substr(i, c.size);
    } else {
      const char* format = c.value < 0x100 ? "\\x%02x" : c.value < 0x10000 ? "\\u%04x" : "\\U%08x";
      std::snprintf(escaped, sizeof escaped, format, static_cast<unsigned>(c.value));
      out += escaped;
    }
    i += c.size;
  }
  out += quote;
  return out;
}

Result<Text> str(const Value& value, Budget& budget) {
  if (const Text* text = value.text()) {
    RETURN_IF_ERROR(budget.bytes(text->size()));
    return *text;
  }
  if (value.is_undefined()) return Text("", /*trusted=*/true);
  ASSIGN_OR_RETURN(std::string printed, repr(value, budget));
  return Text(std::move(printed), /*trusted=*/false);
}

Result<std::string> repr(const Value& value, Budget& budget) {
  std::string out;
  RETURN_IF_ERROR(append_repr(value, out, budget));
  return out;
}

Text escape_html(const Text& text) {
  Text out;
  text.for_each_run([&](std::string_view run, bool trusted) {
    std::string escaped;
    for (const char c : run) {
      switch (c) {
        case '&':
          escaped += "&amp;";
          break;
        case '<':
          escaped += "&lt;";
          break;
        case '>':
          escaped += "&gt;";
          break;
        case '\'':
          escaped += "&#39;";
          break;
        case '"':
          escaped += "&#34;";
          break;
        default:
          escaped += c;
      }
    }
    out.append(escaped, trusted);
  });
  out.markup = true;
  return out;
}

}  // namespace holdfast::jinja
