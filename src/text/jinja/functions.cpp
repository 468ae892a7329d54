#include "text/jinja/functions.h"

#include <algorithm>
#include <ctime>

#include "text/jinja/interpreter.h"
#include "text/jinja/python.h"

namespace holdfast::jinja {
namespace {

constexpr int64_t kMaxRange = 100'000;  // as Jinja's sandbox

// What dict(...) and namespace(...) share: a mapping or pairs, then keywords.
Result<std::vector<std::pair<Value, Value>>> pairs(Interpreter& interpreter,
                                                   const Arguments& arguments) {
  std::vector<std::pair<Value, Value>> out;
  if (arguments.positional.size() > 1) return type_error("expected at most 1 argument");
  if (!arguments.positional.empty()) {
    const Value& first = arguments.positional[0];
    if (const Dict* dict = first.dict()) {
      out = dict->entries;
    } else {
      ASSIGN_OR_RETURN(const std::vector<Value> items, iterate(first, interpreter.heap()));
      for (const Value& item : items) {
        ASSIGN_OR_RETURN(std::vector<Value> pair, iterate(item, interpreter.heap()));
        if (pair.size() != 2) return type_error("an element is no pair of key and value");
        out.emplace_back(std::move(pair[0]), std::move(pair[1]));
      }
    }
  }
  for (const auto& [name, value] : arguments.named) {
    out.emplace_back(Value::string(std::string(name), true), value);
  }
  return out;
}

Result<Value> make_dict(Interpreter& interpreter, const Arguments& arguments) {
  ASSIGN_OR_RETURN(auto entries, pairs(interpreter, arguments));
  auto dict = std::make_shared<Dict>();
  for (auto& [key, value] : entries) {
    RETURN_IF_ERROR(dict_set(*dict, std::move(key), std::move(value), interpreter.budget()));
  }
  return interpreter.heap().dict(std::move(dict));
}

Result<Value> make_namespace(Interpreter& interpreter, const Arguments& arguments) {
  ASSIGN_OR_RETURN(auto entries, pairs(interpreter, arguments));
  ASSIGN_OR_RETURN(const auto name_space, interpreter.heap().name_space());
  for (auto& [key, value] : entries) {
    if (key.text() == nullptr) return type_error("a namespace's attributes are named by strings");
    if (key.text()->view().starts_with("_")) {
      return type_error(
          "Chat templates cannot store underscore-prefixed attributes on a namespace");
    }
    name_space->attributes.insert_or_assign(key.text()->bytes(), std::move(value));
  }
  return Value(name_space);
}

Result<Value> range(Interpreter& interpreter, const Arguments& arguments) {
  if (!arguments.named.empty()) return type_error("range() takes no keyword arguments");
  int64_t parts[3] = {0, 0, 1};
  const size_t count = arguments.positional.size();
  if (count == 0 || count > 3) return type_error("range expected 1 to 3 arguments");
  for (size_t i = 0; i < count; ++i) {
    int64_t storage = 0;
    const int64_t* integer = as_integer(arguments.positional[i], storage);
    if (integer == nullptr) {
      if (arguments.positional[i].is_undefined()) return undefined_error(arguments.positional[i]);
      return type_error("'" + std::string(type_name(arguments.positional[i])) +
                        "' object cannot be interpreted as an integer");
    }
    parts[i] = *integer;
  }
  if (count == 1) std::swap(parts[0], parts[1]);
  const auto [start, stop, step] = parts;
  if (step == 0) return type_error("range() arg 3 must not be zero");
  const std::string name = "range(" + std::to_string(start) + ", " + std::to_string(stop) +
                           (step != 1 ? ", " + std::to_string(step) : "") + ")";
  std::vector<Value> items;
  for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
    if (static_cast<int64_t>(items.size()) == kMaxRange) {
      return type_error("Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).");
    }
    items.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return interpreter.heap().list(std::move(items), List::Form::kRange, name);
}

Result<Value> raise_exception(Interpreter& interpreter, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"message"}, 1));
  ASSIGN_OR_RETURN(const Text message, str(*bound[0], interpreter.budget()));
  return fail(Code::kInvalidArgument, message.bytes());
}

// Local time, as Hugging Face's; one directive at a time, so that the output is bounded.
Result<Value> strftime_now(Interpreter& interpreter, const Arguments& arguments) {
  static constexpr std::string_view kDirectives = "aAbBcCdDeFgGhHIjklmMnpPrRsSTtuUVwWxXyYzZ%";
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"format"}, 1));
  ASSIGN_OR_RETURN(const Text* format, text_argument(bound[0]));
  if (format == nullptr) return type_error("strftime_now needs a format");
  const std::time_t now = interpreter.now();
  std::tm parts{};
  if (localtime_r(&now, &parts) == nullptr) return type_error("the time is out of range");
  const std::string& text = format->bytes();
  Text out;
  for (size_t i = 0; i < text.size();) {
    const size_t percent = std::min(text.find('%', i), text.size());
    out.append(*format, i, percent);
    if (percent == text.size()) break;
    i = percent + 1;
    const bool flag = i < text.size() && text[i] == '-';
    const size_t letter = i + (flag ? 1 : 0);
    if (letter >= text.size() || kDirectives.find(text[letter]) == std::string_view::npos) {
      return fail(Code::kUnimplemented,
                  "strftime_now does not know '" + text.substr(percent, 3) + "' in its format");
    }
    char buffer[64];
    const size_t size = std::strftime(buffer, sizeof buffer,
                                      text.substr(percent, letter + 1 - percent).c_str(), &parts);
    out.append(std::string_view(buffer, size), format->trusted_at(percent));
    i = letter + 1;
  }
  return interpreter.heap().text(std::move(out));
}

struct Entry {
  std::string_view name;
  Result<Value> (*function)(Interpreter&, const Arguments&);
};
constexpr Entry kFunctions[] = {
    {"namespace", make_namespace},
    {"dict", make_dict},
    {"range", range},
    {"raise_exception", raise_exception},
    {"strftime_now", strftime_now},
};

}  // namespace

std::optional<size_t> find_function(std::string_view name) {
  for (size_t i = 0; i < std::size(kFunctions); ++i) {
    if (kFunctions[i].name == name) return i;
  }
  return std::nullopt;
}

Result<Value> call_function(Interpreter& interpreter, size_t index, const Arguments& arguments) {
  return kFunctions[index].function(interpreter, arguments);
}

}  // namespace holdfast::jinja
