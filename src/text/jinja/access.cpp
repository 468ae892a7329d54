// Attributes, items and slices, by Jinja's rules: a.b looks for an attribute first, then an item;
// a['b'] the other way round.

#include <algorithm>
#include <optional>

#include "text/jinja/interpreter.h"
#include "text/jinja/methods.h"
#include "text/jinja/python.h"
#include "text/jinja/unicode.h"

namespace holdfast::jinja {
namespace {

std::string described_type(const Value& value) {
  if (value.is_none()) return "None";
  return std::string(type_name(value)) + " object";
}

Result<Value> loop_attribute(const Value& object, std::string_view name) {
  const Loop& loop = *object.loop();
  const std::vector<Value>& items = loop.items->items;
  const auto integer = [](size_t n) { return Value(static_cast<int64_t>(n)); };
  if (name == "index") return integer(loop.index0 + 1);
  if (name == "index0") return integer(loop.index0);
  if (name == "revindex") return integer(items.size() - loop.index0);
  if (name == "revindex0") return integer(items.size() - loop.index0 - 1);
  if (name == "first") return Value(loop.index0 == 0);
  if (name == "last") return Value(loop.index0 + 1 == items.size());
  if (name == "length") return integer(items.size());
  if (name == "depth") return Value(int64_t{loop.depth0} + 1);
  if (name == "depth0") return Value(int64_t{loop.depth0});
  if (name == "previtem") {
    return loop.index0 > 0 ? items[loop.index0 - 1] : Value::undefined("there is no previous item");
  }
  if (name == "nextitem") {
    return loop.index0 + 1 < items.size() ? items[loop.index0 + 1]
                                          : Value::undefined("there is no next item");
  }
  return missing_attribute(object, name);
}

// Attributes proper: methods, a namespace's values, a loop's.
std::optional<Value> own_attribute(const Value& object, std::string_view name) {
  if (const std::string_view method = python_method(object, name); !method.empty()) {
    return Value(Method{std::make_shared<const Value>(object), method});
  }
  if (const Namespace* name_space = object.name_space()) {
    const auto at = name_space->attributes.find(name);
    if (at != name_space->attributes.end()) return at->second;
  }
  return std::nullopt;
}

// Where Python's slice of `size` elements begins, ends and steps.
struct Range {
  int64_t start = 0, stop = 0, step = 1;
};

Result<Range> slice_range(const Value& start, const Value& stop, const Value& step, int64_t size) {
  const auto part = [](const Value& value, int64_t otherwise) -> Result<int64_t> {
    if (value.is_none()) return otherwise;
    int64_t storage = 0;
    if (const int64_t* integer = as_integer(value, storage)) return *integer;
    if (value.is_undefined()) return undefined_error(value);
    return type_error("slice indices must be integers or None");
  };
  Range range;
  ASSIGN_OR_RETURN(range.step, part(step, 1));
  if (range.step == 0) return type_error("slice step cannot be zero");
  const bool forward = range.step > 0;
  const int64_t low = forward ? 0 : -1, high = forward ? size : size - 1;
  ASSIGN_OR_RETURN(range.start, part(start, forward ? low : high));
  ASSIGN_OR_RETURN(range.stop, part(stop, forward ? high : low));
  if (!start.is_none()) {
    if (range.start < 0) range.start += size;
    range.start = std::clamp(range.start, low, high);
  }
  if (!stop.is_none()) {
    if (range.stop < 0) range.stop += size;
    range.stop = std::clamp(range.stop, low, high);
  }
  // A step beyond the ends takes one element at most; this keeps the sums below from overflowing.
  range.step = std::clamp(range.step, -size - 1, size + 1);
  return range;
}

Result<Value> slice_text(const Text& text, const Range& range, Heap& heap) {
  const std::string_view bytes = text.view();
  if (range.step == 1) {
    if (range.start >= range.stop) return heap.text(text.slice(0, 0));
    const size_t begin = byte_offset(bytes, static_cast<size_t>(range.start));
    const size_t count =
        byte_offset(bytes.substr(begin), static_cast<size_t>(range.stop - range.start));
    return heap.text(text.slice(begin, begin + count));
  }
  std::vector<size_t> offsets;
  for (size_t i = 0; i < bytes.size(); i += code_point(bytes, i).size) offsets.push_back(i);
  offsets.push_back(bytes.size());
  RETURN_IF_ERROR(heap.budget.bytes(offsets.size() * sizeof(size_t)));
  Text out;
  out.markup = text.markup;
  for (int64_t i = range.start; range.step > 0 ? i < range.stop : i > range.stop; i += range.step) {
    out.append(text, offsets[static_cast<size_t>(i)], offsets[static_cast<size_t>(i) + 1]);
  }
  return heap.text(std::move(out));
}

}  // namespace

Value missing_attribute(const Value& object, std::string_view name) {
  return Value::undefined("'" + described_type(object) + "' has no attribute '" +
                          std::string(name) + "'");
}

Value missing_item(const Value& object, const std::string& key_repr) {
  return Value::undefined(described_type(object) + " has no element " + key_repr);
}

Result<Value> Interpreter::attribute(const Value& object, std::string_view name) {
  if (object.is_undefined()) return undefined_error(object);
  if (object.loop() != nullptr) return loop_attribute(object, name);
  if (auto own = own_attribute(object, name)) return std::move(*own);
  if (const Dict* dict = object.dict()) {
    if (const Value* value = dict->find(name)) return *value;
  }
  return missing_attribute(object, name);
}

Result<Value> Interpreter::item(const Value& object, const Value& key) {
  if (object.is_undefined()) return undefined_error(object);
  int64_t storage = 0;
  const int64_t* index = as_integer(key, storage);
  if (const Dict* dict = object.dict()) {
    const auto found = dict_find(*dict, key, budget());
    // A key that cannot be one (a list) is only not there.
    if (found.has_value() && *found != nullptr) return **found;
  } else if (const Text* text = object.text(); text != nullptr && index != nullptr) {
    const auto size = static_cast<int64_t>(length(text->view()));
    const int64_t at = *index < 0 ? *index + size : *index;
    if (at >= 0 && at < size) {
      const size_t begin = byte_offset(text->view(), static_cast<size_t>(at));
      return heap_.text(text->slice(begin, begin + code_point(text->view(), begin).size));
    }
  } else if (const List* list = object.list(); list != nullptr && index != nullptr) {
    const auto size = static_cast<int64_t>(list->items.size());
    const int64_t at = *index < 0 ? *index + size : *index;
    const bool indexable = list->form != List::Form::kView && list->form != List::Form::kGenerator;
    if (indexable && at >= 0 && at < size) return list->items[static_cast<size_t>(at)];
  }
  if (const Text* name = key.text()) {
    if (object.loop() != nullptr) return loop_attribute(object, name->view());
    if (auto own = own_attribute(object, name->view())) return std::move(*own);
    return missing_attribute(object, name->view());
  }
  auto printed = repr(key, budget());
  return missing_item(object, printed.value_or("of that kind"));
}

Result<Value> slice(const Value& object, const Value& start, const Value& stop, const Value& step,
                    Heap& heap) {
  if (object.is_undefined()) return undefined_error(object);
  const Text* text = object.text();
  const List* list = object.list();
  if (list != nullptr &&
      (list->form == List::Form::kView || list->form == List::Form::kGenerator)) {
    list = nullptr;
  }
  if (text == nullptr && list == nullptr) {
    return type_error("a " + std::string(type_name(object)) + " has no slices");
  }
  const auto size =
      static_cast<int64_t>(text != nullptr ? length(text->view()) : list->items.size());
  ASSIGN_OR_RETURN(const Range range, slice_range(start, stop, step, size));
  if (text != nullptr) return slice_text(*text, range, heap);
  std::vector<Value> items;
  for (int64_t i = range.start; range.step > 0 ? i < range.stop : i > range.stop; i += range.step) {
    items.push_back(list->items[static_cast<size_t>(i)]);
  }
  return heap.list(std::move(items),
                   list->form == List::Form::kRange ? List::Form::kList : list->form);
}

}  // namespace holdfast::jinja
