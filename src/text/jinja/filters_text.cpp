#include <algorithm>

#include "text/jinja/filters.h"
#include "text/jinja/format.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/json.h"
#include "text/jinja/python.h"
#include "text/jinja/text_methods.h"
#include "text/jinja/unicode.h"

namespace holdfast::jinja::filters {
namespace {

// str(input), then one function of text.
Result<Value> mapped(Interpreter& interpreter, const Value& input, const Arguments& arguments,
                     Text (*function)(const Text&)) {
  RETURN_IF_ERROR(bind(arguments, {}));
  ASSIGN_OR_RETURN(const Text text, str(input, interpreter.budget()));
  return interpreter.heap().text(function(text));
}

}  // namespace

Result<Value> trim(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"chars"}));
  ASSIGN_OR_RETURN(const Text* chars, text_argument(bound[0]));
  ASSIGN_OR_RETURN(const Text text, str(input, interpreter.budget()));
  const auto [begin, end] = strip(text.view(), {}, chars != nullptr ? &chars->bytes() : nullptr);
  return interpreter.heap().text(text.slice(begin, end));
}

Result<Value> upper(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  return mapped(interpreter, input, arguments, jinja::upper);
}
Result<Value> lower(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  return mapped(interpreter, input, arguments, jinja::lower);
}
Result<Value> capitalize(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  return mapped(interpreter, input, arguments, jinja::capitalize);
}
Result<Value> title(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  return mapped(interpreter, input, arguments, title_by_words);
}

Result<Value> replace(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"old", "new", "count"}, 2));
  ASSIGN_OR_RETURN(const Text text, str(input, interpreter.budget()));
  ASSIGN_OR_RETURN(const Text before, str(*bound[0], interpreter.budget()));
  ASSIGN_OR_RETURN(const Text after, str(*bound[1], interpreter.budget()));
  ASSIGN_OR_RETURN(const int64_t count, integer_argument(bound[2], -1));
  ASSIGN_OR_RETURN(Text out, replaced(text, before, after, count, interpreter.budget()));
  return interpreter.heap().text(std::move(out));
}

// indent(width=4, first=false, blank=false): every line but the first moves right, and empty lines
// only with `blank`.
Result<Value> indent(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"width", "first", "blank"}));
  ASSIGN_OR_RETURN(const bool first, bool_argument(bound[1], false));
  ASSIGN_OR_RETURN(const bool blank, bool_argument(bound[2], false));
  if (input.text() == nullptr) return type_error("needs a string");
  Text margin("    ", true);
  if (bound[0] != nullptr && bound[0]->text() != nullptr) {
    margin = *bound[0]->text();
  } else {
    ASSIGN_OR_RETURN(const int64_t width, integer_argument(bound[0], 4));
    margin = Text(std::string(static_cast<size_t>(std::clamp<int64_t>(width, 0, 1000)), ' '), true);
  }
  Text text = *input.text();
  text.append("\n", true);  // so that a last newline counts
  const std::vector<Text> lines = split_lines(text, /*keep_ends=*/false);
  Text out;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out.append("\n", true);
    if (i == 0 ? first : blank || !lines[i].empty()) {
      RETURN_IF_ERROR(interpreter.budget().bytes(margin.size()));
      out.append(margin);
    }
    out.append(lines[i]);
  }
  return interpreter.heap().text(std::move(out));
}

Result<Value> string(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}));
  if (input.text() != nullptr) return input;
  ASSIGN_OR_RETURN(Text text, str(input, interpreter.budget()));
  return interpreter.heap().text(std::move(text));
}

Result<Value> safe(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}));
  ASSIGN_OR_RETURN(Text text, str(input, interpreter.budget()));
  text.markup = true;
  return interpreter.heap().text(std::move(text));
}

Result<Value> escape(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}));
  if (input.text() != nullptr && input.text()->markup) return input;
  ASSIGN_OR_RETURN(const Text text, str(input, interpreter.budget()));
  return interpreter.heap().text(escape_html(text));
}

Result<Value> format(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty()) {
    return type_error("can't handle positional and keyword arguments at the same time");
  }
  ASSIGN_OR_RETURN(const Text text, str(input, interpreter.budget()));
  Value values;
  if (arguments.named.empty()) {
    ASSIGN_OR_RETURN(values, interpreter.heap().list(arguments.positional, List::Form::kTuple));
  } else {
    auto dict = std::make_shared<Dict>();
    for (const auto& [name, value] : arguments.named) {
      dict->set_string(Value::string(std::string(name), true), value);
    }
    ASSIGN_OR_RETURN(values, interpreter.heap().dict(std::move(dict)));
  }
  return percent_format(text, values, interpreter.heap());
}

// Hugging Face's: json.dumps, nothing escaped for HTML.
Result<Value> tojson(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound,
                   bind(arguments, {"ensure_ascii", "indent", "separators", "sort_keys"}));
  JsonStyle style;
  ASSIGN_OR_RETURN(style.ensure_ascii, bool_argument(bound[0], false));
  ASSIGN_OR_RETURN(style.sort_keys, bool_argument(bound[3], false));
  if (bound[1] != nullptr && bound[1]->text() != nullptr) {
    style.indent = bound[1]->text()->bytes();
  } else if (bound[1] != nullptr && !bound[1]->is_none()) {
    ASSIGN_OR_RETURN(const int64_t width, integer_argument(bound[1], 0));
    style.indent = std::string(static_cast<size_t>(std::clamp<int64_t>(width, 0, 100)), ' ');
  }
  if (bound[2] != nullptr && !bound[2]->is_none()) {
    ASSIGN_OR_RETURN(const std::vector<Value> both, iterate(*bound[2], interpreter.heap()));
    if (both.size() != 2) return type_error("separators are a pair of strings");
    ASSIGN_OR_RETURN(const Text* item, text_argument(&both[0]));
    ASSIGN_OR_RETURN(const Text* key, text_argument(&both[1]));
    if (item == nullptr || key == nullptr) return type_error("separators are a pair of strings");
    style.item_separator = item->bytes();
    style.key_separator = key->bytes();
  }
  ASSIGN_OR_RETURN(std::string json, to_json(input, style, interpreter.budget()));
  return interpreter.heap().text(Text(std::move(json), /*trusted=*/false));
}

Result<Value> from_json(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}));
  if (input.text() == nullptr) return type_error("needs a string");
  return parse_json(input.text()->view(), "a string in the chat", interpreter.heap());
}

}  // namespace holdfast::jinja::filters
