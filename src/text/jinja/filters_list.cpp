#include <algorithm>
#include <numeric>

#include "text/jinja/filters.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/python.h"
#include "text/jinja/unicode.h"

namespace holdfast::jinja {

Result<Value> get_path(Interpreter& interpreter, Value item, const Value& path) {
  const Text* text = path.text();
  if (text == nullptr) return interpreter.item(item, path);
  const std::string_view dotted = text->view();
  for (size_t begin = 0; begin <= dotted.size();) {
    const size_t end = std::min(dotted.find('.', begin), dotted.size());
    const std::string_view part = dotted.substr(begin, end - begin);
    const bool is_index = !part.empty() && part.size() < 10 &&
                          part.find_first_not_of("0123456789") == std::string_view::npos;
    const Value key = is_index ? Value(int64_t{std::stol(std::string(part))})
                               : Value::string(std::string(part), true);
    ASSIGN_OR_RETURN(item, interpreter.item(item, key));
    begin = end + 1;
  }
  return item;
}

namespace filters {
namespace {

// What sort, unique, min and max compare: an attribute perhaps, and in lower case perhaps.
Result<Value> sort_key(Interpreter& interpreter, const Value& item, const Value* path,
                       bool case_sensitive) {
  Value key = item;
  if (path != nullptr && !path->is_none()) {
    ASSIGN_OR_RETURN(key, get_path(interpreter, item, *path));
  }
  if (case_sensitive || key.text() == nullptr) return key;
  return interpreter.heap().text(jinja::lower(*key.text()));
}

Result<std::vector<Value>> sort_keys(Interpreter& interpreter, const std::vector<Value>& items,
                                     const Value* path, bool case_sensitive) {
  std::vector<Value> keys;
  for (const Value& item : items) {
    ASSIGN_OR_RETURN(Value key, sort_key(interpreter, item, path, case_sensitive));
    keys.push_back(std::move(key));
  }
  return keys;
}

// The stable order of `keys`; the first failing comparison is the error.
Result<std::vector<size_t>> order(const std::vector<Value>& keys, bool reverse, Budget& budget) {
  std::vector<size_t> out(keys.size());
  std::iota(out.begin(), out.end(), size_t{0});
  Status failed;
  std::stable_sort(out.begin(), out.end(), [&](size_t a, size_t b) {
    if (!failed.has_value()) return false;
    // Reversed, equal elements keep their order all the same.
    const auto is_less = reverse ? less(keys[b], keys[a], budget) : less(keys[a], keys[b], budget);
    if (!is_less.has_value()) failed = fail(is_less.error());
    return is_less.value_or(false);
  });
  RETURN_IF_ERROR(failed);
  return out;
}

Result<Value> extreme(Interpreter& interpreter, const Value& input, const Arguments& arguments,
                      bool wants_least) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"case_sensitive", "attribute"}));
  ASSIGN_OR_RETURN(const bool case_sensitive, bool_argument(bound[0], false));
  ASSIGN_OR_RETURN(const std::vector<Value> items, iterate(input, interpreter.heap()));
  if (items.empty()) return Value::undefined("No aggregated item, sequence was empty.");
  ASSIGN_OR_RETURN(const std::vector<Value> keys,
                   sort_keys(interpreter, items, bound[1], case_sensitive));
  size_t best = 0;
  for (size_t i = 1; i < keys.size(); ++i) {
    ASSIGN_OR_RETURN(const bool better, wants_least
                                            ? less(keys[i], keys[best], interpreter.budget())
                                            : less(keys[best], keys[i], interpreter.budget()));
    if (better) best = i;
  }
  return items[best];
}

}  // namespace

// default(value="", boolean=false): for what is undefined, or with `boolean` for what is false.
Result<Value> default_value(Interpreter&, const Value& input, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"default_value", "boolean"}));
  ASSIGN_OR_RETURN(const bool boolean, bool_argument(bound[1], false));
  if (!input.is_undefined() && !(boolean && !truth(input))) return input;
  return bound[0] != nullptr ? *bound[0] : Value::string("", true);
}

Result<Value> length(Interpreter&, const Value& input, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}));
  size_t size = 0;
  if (const Text* text = input.text()) {
    size = jinja::length(text->view());
  } else if (const List* list = input.list();
             list != nullptr && list->form != List::Form::kGenerator) {
    size = list->items.size();
  } else if (const Dict* dict = input.dict()) {
    size = dict->entries.size();
  } else if (input.loop() != nullptr) {
    size = input.loop()->items->items.size();
  } else if (!input.is_undefined()) {
    return type_error("object of type '" + std::string(type_name(input)) + "' has no len()");
  }
  return Value(static_cast<int64_t>(size));
}

Result<Value> first(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}));
  ASSIGN_OR_RETURN(std::vector<Value> items, iterate(input, interpreter.heap()));
  if (items.empty()) return Value::undefined("No first item, sequence was empty.");
  return std::move(items.front());
}

Result<Value> last(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}));
  if (input.list() != nullptr && input.list()->form == List::Form::kGenerator) {
    return type_error("'generator' object is not reversible");
  }
  ASSIGN_OR_RETURN(std::vector<Value> items, iterate(input, interpreter.heap()));
  if (items.empty()) return Value::undefined("No last item, sequence was empty.");
  return std::move(items.back());
}

Result<Value> list(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}));
  ASSIGN_OR_RETURN(std::vector<Value> items, iterate(input, interpreter.heap()));
  return interpreter.heap().list(std::move(items));
}

Result<Value> items(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}));
  std::vector<Value> pairs;
  if (const Dict* dict = input.dict()) {
    for (const auto& [key, value] : dict->entries) {
      ASSIGN_OR_RETURN(Value pair, interpreter.heap().list({key, value}, List::Form::kTuple));
      pairs.push_back(std::move(pair));
    }
  } else if (!input.is_undefined()) {
    return type_error("Can only get item pairs from a mapping.");
  }
  return interpreter.heap().list(std::move(pairs), List::Form::kGenerator);
}

Result<Value> join(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"d", "attribute"}));
  Text separator("", true);
  if (bound[0] != nullptr) {
    ASSIGN_OR_RETURN(separator, str(*bound[0], interpreter.budget()));
  }
  ASSIGN_OR_RETURN(const std::vector<Value> items, iterate(input, interpreter.heap()));
  Text out;
  for (size_t i = 0; i < items.size(); ++i) {
    Value item = items[i];
    if (bound[1] != nullptr && !bound[1]->is_none()) {
      ASSIGN_OR_RETURN(item, get_path(interpreter, item, *bound[1]));
    }
    ASSIGN_OR_RETURN(const Text text, str(item, interpreter.budget()));
    RETURN_IF_ERROR(interpreter.budget().bytes(separator.size()));
    if (i > 0) out.append(separator);
    out.append(text);
  }
  return interpreter.heap().text(std::move(out));
}

Result<Value> reverse(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}));
  if (input.text() != nullptr) {
    return slice(input, None{}, None{}, Value(int64_t{-1}), interpreter.heap());
  }
  ASSIGN_OR_RETURN(std::vector<Value> items, iterate(input, interpreter.heap()));
  std::reverse(items.begin(), items.end());
  const bool was_generator =
      input.list() != nullptr && input.list()->form == List::Form::kGenerator;
  return interpreter.heap().list(std::move(items),
                                 was_generator ? List::Form::kList : List::Form::kGenerator);
}

Result<Value> sort(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"reverse", "case_sensitive", "attribute"}));
  ASSIGN_OR_RETURN(const bool reverse, bool_argument(bound[0], false));
  ASSIGN_OR_RETURN(const bool case_sensitive, bool_argument(bound[1], false));
  if (bound[2] != nullptr && bound[2]->text() != nullptr &&
      bound[2]->text()->view().find(',') != std::string_view::npos) {
    return fail(Code::kUnimplemented, "sorting by several attributes");
  }
  ASSIGN_OR_RETURN(const std::vector<Value> items, iterate(input, interpreter.heap()));
  ASSIGN_OR_RETURN(const std::vector<Value> keys,
                   sort_keys(interpreter, items, bound[2], case_sensitive));
  ASSIGN_OR_RETURN(const std::vector<size_t> ordered, order(keys, reverse, interpreter.budget()));
  std::vector<Value> out;
  out.reserve(ordered.size());
  for (const size_t i : ordered) out.push_back(items[i]);
  return interpreter.heap().list(std::move(out));
}

Result<Value> dictsort(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"case_sensitive", "by", "reverse"}));
  ASSIGN_OR_RETURN(const bool case_sensitive, bool_argument(bound[0], false));
  ASSIGN_OR_RETURN(const Text* by, text_argument(bound[1]));
  ASSIGN_OR_RETURN(const bool reverse, bool_argument(bound[2], false));
  const bool by_value = by != nullptr && by->view() == "value";
  if (by != nullptr && !by_value && by->view() != "key") {
    return type_error("You can only sort by either \"key\" or \"value\"");
  }
  const Dict* dict = input.dict();
  if (dict == nullptr) {
    if (input.is_undefined()) return undefined_error(input);
    return type_error("needs a mapping, not " + std::string(type_name(input)));
  }
  std::vector<Value> subjects;
  for (const auto& [key, value] : dict->entries) subjects.push_back(by_value ? value : key);
  ASSIGN_OR_RETURN(const std::vector<Value> keys,
                   sort_keys(interpreter, subjects, nullptr, case_sensitive));
  ASSIGN_OR_RETURN(const std::vector<size_t> ordered, order(keys, reverse, interpreter.budget()));
  std::vector<Value> out;
  for (const size_t i : ordered) {
    const auto& [key, value] = dict->entries[i];
    ASSIGN_OR_RETURN(Value pair, interpreter.heap().list({key, value}, List::Form::kTuple));
    out.push_back(std::move(pair));
  }
  return interpreter.heap().list(std::move(out));
}

Result<Value> unique(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"case_sensitive", "attribute"}));
  ASSIGN_OR_RETURN(const bool case_sensitive, bool_argument(bound[0], false));
  ASSIGN_OR_RETURN(const std::vector<Value> items, iterate(input, interpreter.heap()));
  ASSIGN_OR_RETURN(const std::vector<Value> keys,
                   sort_keys(interpreter, items, bound[1], case_sensitive));
  Dict seen;
  std::vector<Value> out;
  for (size_t i = 0; i < items.size(); ++i) {
    ASSIGN_OR_RETURN(const Value* found, dict_find(seen, keys[i], interpreter.budget()));
    if (found != nullptr) continue;
    RETURN_IF_ERROR(dict_set(seen, keys[i], Value(None{}), interpreter.budget()));
    out.push_back(items[i]);
  }
  return interpreter.heap().list(std::move(out), List::Form::kGenerator);
}

Result<Value> minimum(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  return extreme(interpreter, input, arguments, true);
}
Result<Value> maximum(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  return extreme(interpreter, input, arguments, false);
}

Result<Value> sum(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"attribute", "start"}));
  ASSIGN_OR_RETURN(const std::vector<Value> items, iterate(input, interpreter.heap()));
  Value total = bound[1] != nullptr ? *bound[1] : Value(int64_t{0});
  if (total.text() != nullptr)
    return type_error("sum() can't sum strings [use ''.join(seq) instead]");
  for (Value item : items) {
    if (bound[0] != nullptr && !bound[0]->is_none()) {
      ASSIGN_OR_RETURN(item, get_path(interpreter, item, *bound[0]));
    }
    ASSIGN_OR_RETURN(total, arithmetic("+", total, item, interpreter.heap()));
  }
  return total;
}

}  // namespace filters
}  // namespace holdfast::jinja
