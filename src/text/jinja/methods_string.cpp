#include <algorithm>

#include <utf8proc.h>

#include "text/jinja/format.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/methods.h"
#include "text/jinja/python.h"
#include "text/jinja/text_methods.h"
#include "text/jinja/unicode.h"

namespace holdfast::jinja {
namespace {

using Call = Result<Value> (*)(Interpreter&, const Text&, std::string_view name, const Arguments&);

// A method without arguments that maps the text.
template <Text (*kMap)(const Text&)>
Result<Value> mapped(Interpreter& interpreter, const Text& self, std::string_view,
                     const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}));
  return interpreter.heap().text(kMap(self));
}

Result<Value> list_of(Interpreter& interpreter, std::vector<Text> texts,
                      List::Form form = List::Form::kList) {
  std::vector<Value> items;
  for (Text& text : texts) {
    ASSIGN_OR_RETURN(Value item, interpreter.heap().text(std::move(text)));
    items.push_back(std::move(item));
  }
  return interpreter.heap().list(std::move(items), form);
}

Result<Value> stripped(Interpreter& interpreter, const Text& self, std::string_view name,
                       const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"chars"}));
  ASSIGN_OR_RETURN(const Text* chars, text_argument(bound[0]));
  const Ends ends{.left = name != "rstrip", .right = name != "lstrip"};
  const auto [begin, end] = strip(self.view(), ends, chars != nullptr ? &chars->bytes() : nullptr);
  return interpreter.heap().text(self.slice(begin, end));
}

Result<Value> split_method(Interpreter& interpreter, const Text& self, std::string_view name,
                           const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"sep", "maxsplit"}));
  ASSIGN_OR_RETURN(const Text* separator, text_argument(bound[0]));
  ASSIGN_OR_RETURN(const int64_t limit, integer_argument(bound[1], -1));
  ASSIGN_OR_RETURN(std::vector<Text> parts,
                   split(self, separator, limit, name == "rsplit", interpreter.budget()));
  return list_of(interpreter, std::move(parts));
}

Result<Value> split_lines_method(Interpreter& interpreter, const Text& self, std::string_view,
                                 const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"keepends"}));
  ASSIGN_OR_RETURN(const bool keep_ends, bool_argument(bound[0], false));
  RETURN_IF_ERROR(interpreter.budget().bytes(self.size()));
  return list_of(interpreter, split_lines(self, keep_ends));
}

Result<Value> partition(Interpreter& interpreter, const Text& self, std::string_view name,
                        const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"sep"}, 1));
  ASSIGN_OR_RETURN(const Text* separator, text_argument(bound[0]));
  if (separator == nullptr || separator->empty()) return type_error("empty separator");
  const bool from_right = name == "rpartition";
  const size_t at =
      from_right ? self.view().rfind(separator->view()) : self.view().find(separator->view());
  const size_t size = self.size();
  std::vector<Text> parts(3);
  if (at == std::string_view::npos) {
    parts[from_right ? 2 : 0] = self;
  } else {
    parts = {self.slice(0, at), self.slice(at, at + separator->size()),
             self.slice(at + separator->size(), size)};
  }
  return list_of(interpreter, std::move(parts), List::Form::kTuple);
}

// The bytes of self[start:end], as find, count, startswith, ... take them after `first` arguments.
Result<std::pair<size_t, size_t>> window(const Text& self, const Bound& bound, size_t first) {
  const auto size = static_cast<int64_t>(length(self.view()));
  const auto part = [&](const Value* value, int64_t otherwise) -> Result<int64_t> {
    ASSIGN_OR_RETURN(int64_t n, integer_argument(value, otherwise));
    if (n < 0) n = std::max<int64_t>(0, n + size);
    return std::min(n, size);
  };
  ASSIGN_OR_RETURN(const int64_t start, part(bound[first], 0));
  ASSIGN_OR_RETURN(const int64_t end, part(bound[first + 1], size));
  const size_t begin = byte_offset(self.view(), static_cast<size_t>(start));
  if (end <= start) return std::pair(begin, begin);
  return std::pair(begin, byte_offset(self.view(), static_cast<size_t>(end)));
}

Result<Value> begins_or_ends(Interpreter& interpreter, const Text& self, std::string_view name,
                             const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"prefix", "start", "end"}, 1));
  ASSIGN_OR_RETURN(const auto range, window(self, bound, 1));
  const std::string_view bytes = self.view().substr(range.first, range.second - range.first);
  std::vector<Value> choices{*bound[0]};
  if (bound[0]->list() != nullptr && bound[0]->list()->form == List::Form::kTuple) {
    ASSIGN_OR_RETURN(choices, iterate(*bound[0], interpreter.heap()));
  }
  for (const Value& choice : choices) {
    ASSIGN_OR_RETURN(const Text* text, text_argument(&choice));
    if (text == nullptr) return type_error("needs a string, not None");
    if (name == "startswith" ? bytes.starts_with(text->view()) : bytes.ends_with(text->view())) {
      return Value(true);
    }
  }
  return Value(false);
}

Result<Value> found(Interpreter&, const Text& self, std::string_view name,
                    const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"sub", "start", "end"}, 1));
  ASSIGN_OR_RETURN(const Text* sub, text_argument(bound[0]));
  if (sub == nullptr) return type_error("needs a string, not None");
  ASSIGN_OR_RETURN(const auto range, window(self, bound, 1));
  const std::string_view bytes = self.view().substr(range.first, range.second - range.first);
  if (name == "count") {
    if (sub->empty()) return Value(static_cast<int64_t>(length(bytes)) + 1);
    int64_t count = 0;
    for (size_t at = 0; (at = bytes.find(sub->view(), at)) != std::string_view::npos; ++count) {
      at += sub->size();
    }
    return Value(count);
  }
  const size_t at = name == "rfind" ? bytes.rfind(sub->view()) : bytes.find(sub->view());
  if (at != std::string_view::npos) {
    return Value(static_cast<int64_t>(length(self.view().substr(0, range.first + at))));
  }
  if (name == "index") return type_error("substring not found");
  return Value(int64_t{-1});
}

Result<Value> replace(Interpreter& interpreter, const Text& self, std::string_view,
                      const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"old", "new", "count"}, 2));
  ASSIGN_OR_RETURN(const Text* before, text_argument(bound[0]));
  ASSIGN_OR_RETURN(const Text* after, text_argument(bound[1]));
  ASSIGN_OR_RETURN(const int64_t count, integer_argument(bound[2], -1));
  if (before == nullptr || after == nullptr) return type_error("needs strings, not None");
  const Text with = self.markup && !after->markup ? escape_html(*after) : *after;
  ASSIGN_OR_RETURN(Text out, replaced(self, *before, with, count, interpreter.budget()));
  out.markup = self.markup;
  return interpreter.heap().text(std::move(out));
}

Result<Value> join(Interpreter& interpreter, const Text& self, std::string_view,
                   const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"iterable"}, 1));
  ASSIGN_OR_RETURN(const std::vector<Value> items, iterate(*bound[0], interpreter.heap()));
  Text out;
  for (size_t i = 0; i < items.size(); ++i) {
    const Text* text = items[i].text();
    if (text == nullptr) {
      return type_error("sequence item " + std::to_string(i) + ": expected str instance, " +
                        std::string(type_name(items[i])) + " found");
    }
    RETURN_IF_ERROR(interpreter.budget().bytes(self.size() + text->size()));
    if (i > 0) out.append(self);
    out.append(self.markup && !text->markup ? escape_html(*text) : *text);
  }
  out.markup = self.markup;
  return interpreter.heap().text(std::move(out));
}

Result<Value> format(Interpreter& interpreter, const Text& self, std::string_view,
                     const Arguments& arguments) {
  return brace_format(self, arguments, interpreter.heap());
}

Result<Value> remove_affix(Interpreter& interpreter, const Text& self, std::string_view name,
                           const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"affix"}, 1));
  ASSIGN_OR_RETURN(const Text* affix, text_argument(bound[0]));
  if (affix == nullptr) return type_error("needs a string, not None");
  size_t begin = 0, end = self.size();
  if (name == "removeprefix" && self.view().starts_with(affix->view())) begin = affix->size();
  if (name == "removesuffix" && self.view().ends_with(affix->view())) end -= affix->size();
  return interpreter.heap().text(self.slice(begin, end));
}

// ljust, rjust, center and zfill.
Result<Value> padded(Interpreter& interpreter, const Text& self, std::string_view name,
                     const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Bound bound, bind(arguments, {"width", "fillchar"}, 1));
  ASSIGN_OR_RETURN(const int64_t width, integer_argument(bound[0], 0));
  ASSIGN_OR_RETURN(const Text* given, text_argument(bound[1]));
  const std::string fill = name == "zfill" ? "0" : given != nullptr ? given->bytes() : " ";
  if (length(fill) != 1) return type_error("The fill character must be exactly one character long");
  const int64_t missing = width - static_cast<int64_t>(length(self.view()));
  if (missing <= 0) return interpreter.heap().text(self);
  if (missing > kMaxBytes / 4) return type_error("the width is too big");
  RETURN_IF_ERROR(interpreter.budget().bytes(static_cast<size_t>(missing) * fill.size()));
  int64_t left = missing;
  if (name == "ljust") left = 0;
  if (name == "center") left = missing / 2 + (missing & width & 1);
  Text out;
  size_t sign = 0;
  if (name == "zfill" && (self.view().starts_with('-') || self.view().starts_with('+'))) sign = 1;
  out.append(self, 0, sign);
  for (int64_t i = 0; i < left; ++i) out.append(fill, true);
  out.append(self, sign, self.size());
  for (int64_t i = left; i < missing; ++i) out.append(fill, true);
  return interpreter.heap().text(std::move(out));
}

Text swap_case(const Text& text) {
  Text out;
  for (size_t i = 0; i < text.size();) {
    const CodePoint c = code_point(text.view(), i);
    const Text one = text.slice(i, i + c.size);
    out.append(is_upper(c.value) ? lower(one) : upper(one));
    i += c.size;
  }
  out.markup = text.markup;
  return out;
}

// isalpha and its kin: not empty, and all characters of the kind.
Result<Value> consists_of(Interpreter&, const Text& self, std::string_view name,
                          const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}));
  bool any_cased = false;
  for (size_t i = 0; i < self.size();) {
    const CodePoint c = code_point(self.view(), i);
    const auto category = utf8proc_category(c.value);
    const bool letter = category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
    const bool digit = category == UTF8PROC_CATEGORY_ND;
    any_cased = any_cased || is_cased(c.value);
    bool holds = true;
    if (name == "isalpha") holds = letter;
    if (name == "isdigit") holds = digit;
    if (name == "isalnum")
      holds = letter || category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL ||
              category == UTF8PROC_CATEGORY_NO;
    if (name == "isspace") holds = is_space(c.value);
    if (name == "islower") holds = !is_cased(c.value) || is_lower(c.value);
    if (name == "isupper") holds = !is_cased(c.value) || is_upper(c.value);
    if (!holds) return Value(false);
    i += c.size;
  }
  const bool of_case = name == "islower" || name == "isupper";
  return Value(of_case ? any_cased : !self.empty());
}

struct Entry {
  std::string_view name;
  Call call;
};
constexpr Entry kMethods[] = {
    {"capitalize", mapped<capitalize>},
    {"center", padded},
    {"count", found},
    {"endswith", begins_or_ends},
    {"find", found},
    {"format", format},
    {"index", found},
    {"isalnum", consists_of},
    {"isalpha", consists_of},
    {"isdigit", consists_of},
    {"islower", consists_of},
    {"isspace", consists_of},
    {"isupper", consists_of},
    {"join", join},
    {"ljust", padded},
    {"lower", mapped<lower>},
    {"lstrip", stripped},
    {"partition", partition},
    {"removeprefix", remove_affix},
    {"removesuffix", remove_affix},
    {"replace", replace},
    {"rfind", found},
    {"rjust", padded},
    {"rpartition", partition},
    {"rsplit", split_method},
    {"rstrip", stripped},
    {"split", split_method},
    {"splitlines", split_lines_method},
    {"startswith", begins_or_ends},
    {"strip", stripped},
    {"swapcase", mapped<swap_case>},
    {"title", mapped<title_by_case>},
    {"upper", mapped<upper>},
    {"zfill", padded},
};

}  // namespace

Result<Value> call_string_method(Interpreter& interpreter, const Text& self, std::string_view name,
                                 const Arguments& arguments) {
  const auto* entry = std::find_if(std::begin(kMethods), std::end(kMethods),
                                   [&](const Entry& e) { return e.name == name; });
  if (entry == std::end(kMethods)) return type_error("there is no such method");
  return entry->call(interpreter, self, name, arguments);
}

}  // namespace holdfast::jinja
