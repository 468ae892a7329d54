// Where one rendering makes its values: counted against the budget, and taken apart at the end.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/jinja/budget.h"
#include "text/jinja/value.h"

namespace holdfast::jinja {

// Keeps every container it made until the rendering ends, then empties each on its own: so neither
// a cycle (a namespace that holds itself) leaks, nor does a list nested a million deep overflow the
// stack when it goes.
class Heap {
 public:
  Heap() = default;
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;
  ~Heap();

  Budget budget;

  Result<Value> text(Text text);
  Result<Value> list(std::vector<Value> items, List::Form form = List::Form::kList,
                     std::string name = {});
  // From a dict filled by the caller.
  Result<Value> dict(std::shared_ptr<Dict> dict);
  Result<std::shared_ptr<Namespace>> name_space();
  Result<std::shared_ptr<Loop>> loop();

 private:
  std::vector<std::shared_ptr<List>> lists_;
  std::vector<std::shared_ptr<Dict>> dicts_;
  std::vector<std::shared_ptr<Namespace>> namespaces_;
  std::vector<std::shared_ptr<Loop>> loops_;
};

}  // namespace holdfast::jinja
