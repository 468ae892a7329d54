// A model's compiled constraints, so that a schema that comes with every request is compiled once.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "base/result.h"
#include "grammar/compile.h"
#include "grammar/constraint.h"

namespace holdfast::grammar {

// Thread-safe. Keeps the kMost used last, and fewer when they take more than kMostBytes together;
// those in use live on outside of it.
class ConstraintCache {
 public:
  explicit ConstraintCache(std::shared_ptr<const TokenTable> tokens) : tokens_(std::move(tokens)) {}

  // Errors as compile() and Constraint::create().
  Result<std::shared_ptr<Constraint>> get(const ConstraintSpec& spec);

  static constexpr size_t kMost = 64;
  static constexpr int64_t kMostBytes = 256 << 20;

 private:
  using Entry = std::pair<ConstraintSpec, std::shared_ptr<Constraint>>;
  void shrink();

  const std::shared_ptr<const TokenTable> tokens_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // the latest first
  std::map<ConstraintSpec, std::list<Entry>::iterator> index_;
};

}  // namespace holdfast::grammar
