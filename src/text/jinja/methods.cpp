#include "text/jinja/methods.h"

#include <algorithm>
#include <iterator>

#include "text/jinja/interpreter.h"
#include "text/jinja/python.h"

namespace holdfast::jinja {
namespace {

// Python's methods by type; the second list of each is not implemented here, but hides a key of
// the same name in a.b all the same.
constexpr std::string_view kString[] = {
    "capitalize", "count",     "endswith",     "find",         "format",     "index", "isalnum",
    "isalpha",    "isdigit",   "islower",      "isspace",      "isupper",    "join",  "lower",
    "lstrip",     "partition", "removeprefix", "removesuffix", "replace",    "rfind", "rpartition",
    "rsplit",     "rstrip",    "split",        "splitlines",   "startswith", "strip", "swapcase",
    "title",      "upper",     "zfill",        "ljust",        "rjust",      "center"};
constexpr std::string_view kStringOther[] = {
    "casefold",  "encode",      "expandtabs", "format_map", "isascii", "isdecimal", "isidentifier",
    "isnumeric", "isprintable", "istitle",    "maketrans",  "rindex",  "translate"};
constexpr std::string_view kDict[] = {"copy", "get", "items", "keys", "values"};
constexpr std::string_view kDictOther[] = {"clear",   "fromkeys",   "pop",
                                           "popitem", "setdefault", "update"};
constexpr std::string_view kList[] = {"append", "copy", "count", "extend", "index", "pop"};
constexpr std::string_view kListOther[] = {"clear", "insert", "remove", "reverse", "sort"};
constexpr std::string_view kTuple[] = {"count", "index"};
constexpr std::string_view kLoop[] = {"changed", "cycle"};

using Names = std::pair<const std::string_view*, size_t>;
template <size_t N>
constexpr Names names(const std::string_view (&list)[N]) {
  return {list, N};
}

std::string_view find_in(Names list, std::string_view name) {
  const auto* end = list.first + list.second;
  const auto* at = std::find(list.first, end, name);
  return at != end ? *at : std::string_view();
}

struct TypeMethods {
  Names implemented{nullptr, 0}, other{nullptr, 0};
};
TypeMethods methods_of(const Value& self) {
  if (self.text() != nullptr) return {names(kString), names(kStringOther)};
  if (self.dict() != nullptr) return {names(kDict), names(kDictOther)};
  if (const List* list = self.list()) {
    if (list->form == List::Form::kList) return {names(kList), names(kListOther)};
    if (list->form == List::Form::kTuple || list->form == List::Form::kRange) {
      return {names(kTuple), {nullptr, 0}};
    }
  }
  if (self.loop() != nullptr) return {names(kLoop), {nullptr, 0}};
  return {};
}

Result<Value> call_loop_method(Interpreter& interpreter, Loop& loop, std::string_view name,
                               const Arguments& arguments) {
  const std::vector<Value>& values = arguments.positional;
  if (name == "cycle") {
    if (values.empty()) return type_error("no items for cycling given");
    return values[loop.index0 % values.size()];
  }
  bool same = loop.has_changed && loop.changed.size() == values.size();
  for (size_t i = 0; same && i < values.size(); ++i) {
    ASSIGN_OR_RETURN(same, equal(loop.changed[i], values[i], interpreter.budget()));
  }
  loop.has_changed = true;
  loop.changed = values;
  return Value(!same);
}

}  // namespace

bool is_known_method(std::string_view name) {
  for (const Names& list :
       {names(kString), names(kDict), names(kList), names(kTuple), names(kLoop)}) {
    if (!find_in(list, name).empty()) return true;
  }
  return false;
}

std::string_view python_method(const Value& self, std::string_view name) {
  const TypeMethods methods = methods_of(self);
  const std::string_view found = find_in(methods.implemented, name);
  return !found.empty() ? found : find_in(methods.other, name);
}

bool has_method(const Value& self, std::string_view name) {
  return !find_in(methods_of(self).implemented, name).empty();
}

Result<Value> call_method(Interpreter& interpreter, const Value& self, std::string_view name,
                          const Arguments& arguments) {
  if (!has_method(self, name)) {
    return fail(Code::kUnimplemented, "the chat template calls the method '" + std::string(name) +
                                          "' of a " + std::string(type_name(self)));
  }
  if (self.text() != nullptr) {
    return call_string_method(interpreter, *self.text(), name, arguments);
  }
  if (self.loop() != nullptr) return call_loop_method(interpreter, *self.loop(), name, arguments);
  return call_container_method(interpreter, self, name, arguments);
}

}  // namespace holdfast::jinja
