#include <algorithm>

#include "text/jinja/python.h"
#include "text/jinja/unicode.h"

namespace holdfast::jinja {
namespace {

// Exact for all of int64 and double on x86-64 and aarch64.
bool as_long_double(const Value& value, long double& out) {
  if (const bool* boolean = value.get<bool>()) {
    out = *boolean ? 1 : 0;
  } else if (const int64_t* integer = value.get<int64_t>()) {
    out = static_cast<long double>(*integer);
  } else if (const double* number = value.get<double>()) {
    out = *number;
  } else {
    return false;
  }
  return true;
}

Result<bool> equal_lists(const List& a, const List& b, Budget& budget) {
  if (a.form != b.form || a.items.size() != b.items.size()) return false;
  for (size_t i = 0; i < a.items.size(); ++i) {
    ASSIGN_OR_RETURN(const bool same, equal(a.items[i], b.items[i], budget));
    if (!same) return false;
  }
  return true;
}

Result<bool> equal_dicts(const Dict& a, const Dict& b, Budget& budget) {
  if (a.entries.size() != b.entries.size()) return false;
  for (const auto& [key, value] : a.entries) {
    ASSIGN_OR_RETURN(const Value* other, dict_find(b, key, budget));
    if (other == nullptr) return false;
    ASSIGN_OR_RETURN(const bool same, equal(value, *other, budget));
    if (!same) return false;
  }
  return true;
}

}  // namespace

tl::unexpected<Error> undefined_error(const Value& value) {
  const auto* undefined = value.get<Undefined>();
  return type_error(undefined != nullptr && undefined->why ? *undefined->why
                                                           : "an undefined value is used");
}

bool truth(const Value& value) {
  if (const bool* boolean = value.get<bool>()) return *boolean;
  if (const Text* text = value.text()) return !text->empty();
  if (const List* list = value.list()) {
    return list->form == List::Form::kGenerator || !list->items.empty();
  }
  if (const Dict* dict = value.dict()) return !dict->entries.empty();
  if (const int64_t* integer = value.get<int64_t>()) return *integer != 0;
  if (const double* number = value.get<double>()) return *number != 0.0;
  return !value.is_none() && !value.is_undefined();
}

const int64_t* as_integer(const Value& value, int64_t& storage) {
  if (const bool* boolean = value.get<bool>()) {
    storage = *boolean ? 1 : 0;
    return &storage;
  }
  return value.get<int64_t>();
}

bool as_double(const Value& value, double& out) {
  long double exact = 0;
  if (!as_long_double(value, exact)) return false;
  out = static_cast<double>(exact);
  return true;
}

Result<bool> equal(const Value& a, const Value& b, Budget& budget) {
  DepthGuard guard(budget);
  RETURN_IF_ERROR(guard.status());
  RETURN_IF_ERROR(budget.steps());
  if (a.text() != nullptr && b.text() != nullptr) return a.text()->view() == b.text()->view();
  long double x = 0, y = 0;
  if (as_long_double(a, x) && as_long_double(b, y)) return x == y;
  if (a.variant().index() != b.variant().index()) return false;
  if (a.is_none() || a.is_undefined()) return true;
  if (a.list() != nullptr) return equal_lists(*a.list(), *b.list(), budget);
  if (a.dict() != nullptr) return equal_dicts(*a.dict(), *b.dict(), budget);
  if (const BigInt* big = a.get<BigInt>()) return *big->digits == *b.get<BigInt>()->digits;
  if (const MacroRef* macro = a.get<MacroRef>()) return macro->macro == b.get<MacroRef>()->macro;
  if (const Function* function = a.get<Function>()) {
    return function->index == b.get<Function>()->index;
  }
  if (a.name_space() != nullptr) return a.name_space() == b.name_space();
  return a.loop() != nullptr && a.loop() == b.loop();
}

Result<bool> less(const Value& a, const Value& b, Budget& budget) {
  DepthGuard guard(budget);
  RETURN_IF_ERROR(guard.status());
  RETURN_IF_ERROR(budget.steps());
  // Code points in order are UTF-8 bytes in order.
  if (a.text() != nullptr && b.text() != nullptr) return a.text()->view() < b.text()->view();
  long double x = 0, y = 0;
  if (as_long_double(a, x) && as_long_double(b, y)) return x < y;
  if (a.is_undefined()) return undefined_error(a);
  if (b.is_undefined()) return undefined_error(b);
  const List *list_a = a.list(), *list_b = b.list();
  if (list_a != nullptr && list_b != nullptr && list_a->form == list_b->form &&
      (list_a->form == List::Form::kList || list_a->form == List::Form::kTuple)) {
    const size_t n = std::min(list_a->items.size(), list_b->items.size());
    for (size_t i = 0; i < n; ++i) {
      ASSIGN_OR_RETURN(const bool same, equal(list_a->items[i], list_b->items[i], budget));
      if (!same) return less(list_a->items[i], list_b->items[i], budget);
    }
    return list_a->items.size() < list_b->items.size();
  }
  return type_error("'<' not supported between instances of '" + std::string(type_name(a)) +
                    "' and '" + std::string(type_name(b)) + "'");
}

Result<bool> contains(const Value& container, const Value& item, Budget& budget) {
  if (const Text* text = container.text()) {
    if (item.text() == nullptr) {
      return type_error("'in <string>' requires string as left operand, not " +
                        std::string(type_name(item)));
    }
    RETURN_IF_ERROR(budget.steps(static_cast<int64_t>(text->size() / 64)));
    return text->view().find(item.text()->view()) != std::string_view::npos;
  }
  if (const Dict* dict = container.dict()) {
    ASSIGN_OR_RETURN(const Value* found, dict_find(*dict, item, budget));
    return found != nullptr;
  }
  if (const List* list = container.list()) {
    for (const Value& element : list->items) {
      ASSIGN_OR_RETURN(const bool same, equal(element, item, budget));
      if (same) return true;
    }
    return false;
  }
  if (container.is_undefined()) return false;  // it loops over nothing
  return type_error("argument of type '" + std::string(type_name(container)) + "' is not iterable");
}

Result<bool> compare(std::string_view op, const Value& a, const Value& b, Budget& budget) {
  if (op == "==") return equal(a, b, budget);
  if (op == "!=") return equal(a, b, budget).map([](bool same) { return !same; });
  if (op == "in") return contains(b, a, budget);
  if (op == "not in") return contains(b, a, budget).map([](bool found) { return !found; });
  if (op == "<") return less(a, b, budget);
  if (op == ">") return less(b, a, budget);
  // Not "not less": nothing is below or above a NaN.
  ASSIGN_OR_RETURN(const bool strictly, op == "<=" ? less(a, b, budget) : less(b, a, budget));
  if (strictly) return true;
  return equal(a, b, budget);
}

Result<std::vector<Value>> iterate(const Value& value, Heap& heap) {
  std::vector<Value> items;
  if (List* list = value.list()) {
    RETURN_IF_ERROR(heap.budget.bytes(list->items.size() * sizeof(Value)));
    if (list->form != List::Form::kGenerator) return list->items;
    if (!std::exchange(list->consumed, true)) items = std::move(list->items);
    list->items.clear();
    return items;
  }
  if (const Dict* dict = value.dict()) {
    RETURN_IF_ERROR(heap.budget.bytes(dict->entries.size() * sizeof(Value)));
    for (const auto& [key, member] : dict->entries) items.push_back(key);
    return items;
  }
  if (const Text* text = value.text()) {
    for (size_t i = 0; i < text->size();) {
      const size_t size = code_point(text->view(), i).size;
      ASSIGN_OR_RETURN(Value character, heap.text(text->slice(i, i + size)));
      items.push_back(std::move(character));
      i += size;
    }
    return items;
  }
  if (value.is_undefined()) return items;
  return type_error("'" + std::string(type_name(value)) + "' object is not iterable");
}

Result<const Value*> dict_find(const Dict& dict, const Value& key, Budget& budget) {
  if (const Text* text = key.text()) return dict.find(text->view());
  if (key.list() != nullptr && key.list()->form == List::Form::kList) {
    return type_error("unhashable type: 'list'");
  }
  if (key.dict() != nullptr) return type_error("unhashable type: 'dict'");
  if (dict.index.size() == dict.entries.size()) return nullptr;  // it has string keys only
  for (const auto& [other, value] : dict.entries) {
    ASSIGN_OR_RETURN(const bool same, equal(other, key, budget));
    if (same) return &value;
  }
  return nullptr;
}

Status dict_set(Dict& dict, Value key, Value value, Budget& budget) {
  if (key.text() != nullptr) {
    dict.set_string(std::move(key), std::move(value));
    return {};
  }
  ASSIGN_OR_RETURN(const Value* found, dict_find(dict, key, budget));
  if (found != nullptr) {
    *const_cast<Value*>(found) = std::move(value);
  } else {
    dict.entries.emplace_back(std::move(key), std::move(value));
  }
  return {};
}

}  // namespace holdfast::jinja
