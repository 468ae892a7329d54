#include "text/jinja/heap.h"

namespace holdfast::jinja {
namespace {

constexpr size_t kPerContainer = 128;  // about what an empty one takes

}  // namespace

Heap::~Heap() {
  for (const auto& list : lists_) list->items.clear();
  for (const auto& dict : dicts_) {
    dict->index.clear();  // views of the keys
    dict->entries.clear();
  }
  for (const auto& name_space : namespaces_) name_space->attributes.clear();
  for (const auto& loop : loops_) {
    loop->items.reset();
    loop->changed.clear();
  }
}

Result<Value> Heap::text(Text text) {
  RETURN_IF_ERROR(budget.bytes(text.size() + kPerContainer));
  return Value(std::move(text));
}

Result<Value> Heap::list(std::vector<Value> items, List::Form form, std::string name) {
  RETURN_IF_ERROR(budget.bytes(items.size() * sizeof(Value) + kPerContainer));
  auto list = std::make_shared<List>();
  list->items = std::move(items);
  list->form = form;
  list->name = std::move(name);
  lists_.push_back(list);
  return Value(std::move(list));
}

Result<Value> Heap::dict(std::shared_ptr<Dict> dict) {
  RETURN_IF_ERROR(budget.bytes(dict->entries.size() * 4 * sizeof(Value) + kPerContainer));
  dicts_.push_back(dict);
  return Value(std::move(dict));
}

Result<std::shared_ptr<Namespace>> Heap::name_space() {
  RETURN_IF_ERROR(budget.bytes(kPerContainer));
  namespaces_.push_back(std::make_shared<Namespace>());
  return namespaces_.back();
}

Result<std::shared_ptr<Loop>> Heap::loop() {
  RETURN_IF_ERROR(budget.bytes(kPerContainer));
  loops_.push_back(std::make_shared<Loop>());
  return loops_.back();
}

}  // namespace holdfast::jinja
