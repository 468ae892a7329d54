#include <algorithm>
#include <cmath>
#include <cstdio>

#include "text/jinja/json.h"
#include "text/jinja/python.h"
#include "text/jinja/unicode.h"

namespace holdfast::jinja {
namespace {

class Printer {
 public:
  Printer(const JsonStyle& style, Budget& budget)
      : style_(style),
        budget_(budget),
        item_separator_(style.item_separator.value_or(style.indent ? "," : ", ")),
        key_separator_(style.key_separator.value_or(": ")) {}

  std::string out;

  Status value(const Value& value) {
    DepthGuard guard(budget_);
    RETURN_IF_ERROR(guard.status());
    RETURN_IF_ERROR(budget_.steps());
    const size_t before = out.size();
    if (const Text* text = value.text()) {
      string(text->view());
    } else if (const List* list = value.list()) {
      return array(*list);
    } else if (const Dict* dict = value.dict()) {
      return object(*dict);
    } else if (const auto scalar = scalar_text(value)) {
      out += *scalar;
    } else {
      return not_serializable(value);
    }
    return budget_.bytes(out.size() - before);
  }

 private:
  static tl::unexpected<Error> not_serializable(const Value& value) {
    std::string message =
        "Object of type " + std::string(type_name(value)) + " is not JSON serializable";
    if (const auto* undefined = value.get<Undefined>(); undefined && undefined->why) {
      message += ": " + *undefined->why;
    }
    return type_error(std::move(message));
  }

  // Numbers, booleans and null, as values and as keys.
  static std::optional<std::string> scalar_text(const Value& value) {
    if (value.is_none()) return "null";
    if (const bool* boolean = value.get<bool>()) return *boolean ? "true" : "false";
    if (const int64_t* integer = value.get<int64_t>()) return std::to_string(*integer);
    if (const BigInt* big = value.get<BigInt>()) return *big->digits;
    if (const double* number = value.get<double>()) {
      if (std::isnan(*number)) return "NaN";
      if (std::isinf(*number)) return *number < 0 ? "-Infinity" : "Infinity";
      return float_repr(*number);
    }
    return std::nullopt;
  }

  void unicode_escape(int32_t unit) {
    char escaped[16];
    std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(unit));
    out += escaped;
  }

  void string(std::string_view text) {
    static constexpr std::string_view kEscaped = "\"\\\n\r\t\f\b", kLetters = "\"\\nrtfb";
    out += '"';
    for (size_t i = 0; i < text.size();) {
      const CodePoint c = code_point(text, i);
      const size_t letter =
          c.value < 0x80 ? kEscaped.find(static_cast<char>(c.value)) : std::string_view::npos;
      if (letter != std::string_view::npos) {
        out += '\\';
        out += kLetters[letter];
      } else if (c.value < 0x20 || (style_.ensure_ascii && c.value > 0x7E && c.value < 0x10000)) {
        unicode_escape(c.value);
      } else if (style_.ensure_ascii && c.value >= 0x10000) {
        unicode_escape(0xD800 + ((c.value - 0x10000) >> 10));
        unicode_escape(0xDC00 + ((c.value - 0x10000) & 0x3FF));
      } else {
        out += text.substr(i, c.size);
      }
      i += c.size;
    }
    out += '"';
  }

  // Charged like everything else: deep nesting makes more indentation than content.
  Status new_line() {
    if (!style_.indent) return {};
    RETURN_IF_ERROR(budget_.bytes(1 + style_.indent->size() * level_));
    out += '\n';
    for (size_t i = 0; i < level_; ++i) out += *style_.indent;
    return {};
  }

  Status array(const List& list) {
    if (list.form != List::Form::kList && list.form != List::Form::kTuple) {
      return not_serializable(Value(std::make_shared<List>(list)));
    }
    if (list.items.empty()) {
      out += "[]";
      return {};
    }
    out += '[';
    ++level_;
    for (size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) out += item_separator_;
      RETURN_IF_ERROR(new_line());
      RETURN_IF_ERROR(value(list.items[i]));
    }
    --level_;
    RETURN_IF_ERROR(new_line());
    out += ']';
    return {};
  }

  Result<std::vector<const std::pair<Value, Value>*>> ordered(const Dict& dict) {
    std::vector<const std::pair<Value, Value>*> entries;
    for (const auto& entry : dict.entries) entries.push_back(&entry);
    if (!style_.sort_keys) return entries;
    Status failed;
    std::stable_sort(entries.begin(), entries.end(), [&](const auto* a, const auto* b) {
      if (!failed.has_value()) return false;
      const auto is_less = less(a->first, b->first, budget_);
      if (!is_less.has_value()) failed = fail(is_less.error());
      return is_less.value_or(false);
    });
    RETURN_IF_ERROR(failed);
    return entries;
  }

  Status object(const Dict& dict) {
    if (dict.entries.empty()) {
      out += "{}";
      return {};
    }
    ASSIGN_OR_RETURN(const auto entries, ordered(dict));
    out += '{';
    ++level_;
    bool first = true;
    for (const auto* entry : entries) {
      if (!std::exchange(first, false)) out += item_separator_;
      RETURN_IF_ERROR(new_line());
      if (const Text* key = entry->first.text()) {
        string(key->view());
      } else if (const auto scalar = scalar_text(entry->first)) {
        out += '"' + *scalar + '"';
      } else {
        return type_error("keys must be str, int, float, bool or None, not " +
                          std::string(type_name(entry->first)));
      }
      out += key_separator_;
      RETURN_IF_ERROR(value(entry->second));
    }
    --level_;
    RETURN_IF_ERROR(new_line());
    out += '}';
    return {};
  }

  const JsonStyle& style_;
  Budget& budget_;
  std::string item_separator_, key_separator_;
  size_t level_ = 0;
};

}  // namespace

Result<std::string> to_json(const Value& value, const JsonStyle& style, Budget& budget) {
  Printer printer(style, budget);
  RETURN_IF_ERROR(printer.value(value));
  return std::move(printer.out);
}

}  // namespace holdfast::jinja
