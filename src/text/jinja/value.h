// What a template computes with: Python's values, as far as templates use them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "text/jinja/text.h"

namespace holdfast::jinja {

class Value;
class Scope;
struct Macro;

// A name that was not there. Printing, looping over and testing it is fine; using it otherwise is
// an error that says `why` ("'x' is undefined").
struct Undefined {
  std::shared_ptr<const std::string> why;
};
struct None {};
// An integer beyond 64 bits: kept and printed as its digits, never computed with.
struct BigInt {
  std::shared_ptr<const std::string> digits;
};

struct List;
struct Dict;
struct Namespace;
struct Loop;

// A method taken from a value, and not called yet.
struct Method {
  std::shared_ptr<const Value> self;
  std::string_view name;  // an entry of the table of Python's methods (methods.h)
};
// One of the global functions (functions.h), by its index there.
struct Function {
  size_t index = 0;
};
struct MacroRef {
  std::shared_ptr<const Macro> macro;
};

class Value {
 public:
  using Variant =
      std::variant<Undefined, None, bool, int64_t, double, BigInt, std::shared_ptr<const Text>,
                   std::shared_ptr<List>, std::shared_ptr<Dict>, std::shared_ptr<Namespace>,
                   std::shared_ptr<Loop>, Method, Function, MacroRef>;

  Value() = default;  // undefined, without a reason
  template <class T>
  requires std::is_constructible_v<Variant, T> Value(T value)
      : variant_(std::move(value)) {}  // NOLINT: implicit, as Result's
  Value(Text text) : variant_(std::make_shared<const Text>(std::move(text))) {}  // NOLINT
  Value(const char*) = delete;  // would become a bool: say who wrote it, with string()

  static Value string(std::string bytes, bool trusted) { return Text(std::move(bytes), trusted); }
  static Value undefined(std::string why) {
    return Undefined{std::make_shared<const std::string>(std::move(why))};
  }

  template <class T>
  const T* get() const {
    return std::get_if<T>(&variant_);
  }
  const Text* text() const {
    const auto* p = get<std::shared_ptr<const Text>>();
    return p != nullptr ? p->get() : nullptr;
  }
  List* list() const { return pointer<List>(); }
  Dict* dict() const { return pointer<Dict>(); }
  Namespace* name_space() const { return pointer<Namespace>(); }
  Loop* loop() const { return pointer<Loop>(); }
  bool is_undefined() const { return get<Undefined>() != nullptr; }
  bool is_none() const { return get<None>() != nullptr; }
  bool is_callable() const {
    return get<Method>() != nullptr || get<Function>() != nullptr || get<MacroRef>() != nullptr;
  }
  const Variant& variant() const { return variant_; }

 private:
  template <class T>
  T* pointer() const {
    const auto* p = get<std::shared_ptr<T>>();
    return p != nullptr ? p->get() : nullptr;
  }
  Variant variant_;
};

// Python's several sequences that are not strings.
struct List {
  enum class Form {
    kList,
    kTuple,
    kRange,
    kView,       // dict_keys, dict_values, dict_items: a length, but no index
    kGenerator,  // what map, select, ... give: neither, always true, and empty once looped over
  };
  std::vector<Value> items;
  Form form = Form::kList;
  std::string name;  // views and ranges: how Python prints them, "dict_keys" or "range(0, 3)"
  bool consumed = false;
};

// In the order of insertion, as Python's.
struct Dict {
  std::vector<std::pair<Value, Value>> entries;
  // Where each string key stands; Value keys of other types are found by looking at all.
  std::map<std::string_view, size_t, std::less<>> index;

  const Value* find(std::string_view key) const {
    const auto at = index.find(key);
    return at != index.end() ? &entries[at->second].second : nullptr;
  }
  // `key` must be a string; a second value for a key replaces the first in its place.
  void set_string(Value key, Value value) {
    const auto [at, is_new] = index.try_emplace(key.text()->view(), entries.size());
    if (is_new) {
      entries.emplace_back(std::move(key), std::move(value));
    } else {
      entries[at->second].second = std::move(value);
    }
  }
};

struct Namespace {
  std::map<std::string, Value, std::less<>> attributes;
};

// The variable `loop` of one for statement.
struct Loop {
  std::shared_ptr<List> items;
  size_t index0 = 0;
  int depth0 = 0;
  std::vector<Value> changed;  // the arguments of the last loop.changed(...)
  bool has_changed = false;
  const void* statement = nullptr;  // a recursive for: what loop(...) runs again
  Scope* scope = nullptr;           // and the scope around it (never the loop's own)
};

// The type as Python's messages name it: "str", "dict", "list", ...
std::string_view type_name(const Value& value);

}  // namespace holdfast::jinja
