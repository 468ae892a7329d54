#include "grammar/constraint_cache.h"

namespace holdfast::grammar {

Result<std::shared_ptr<Constraint>> ConstraintCache::get(const ConstraintSpec& spec) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = index_.find(spec); known != index_.end()) {
      entries_.splice(entries_.begin(), entries_, known->second);
      return entries_.front().second;
    }
  }
  // Without the lock: two who ask at once for something new both compile it.
  ASSIGN_OR_RETURN(Program program, compile(spec));
  ASSIGN_OR_RETURN(auto constraint, Constraint::create(std::move(program), tokens_));
  const std::lock_guard lock(mutex_);
  if (const auto known = index_.find(spec); known != index_.end()) return known->second->second;
  entries_.emplace_front(spec, constraint);
  index_[spec] = entries_.begin();
  shrink();
  return constraint;
}

void ConstraintCache::shrink() {
  int64_t bytes = 0;
  for (const Entry& entry : entries_)
    bytes += entry.second->memory_bytes() + static_cast<int64_t>(2 * entry.first.text.size());
  while (entries_.size() > 1 && (entries_.size() > kMost || bytes > kMostBytes)) {
    const Entry& last = entries_.back();
    bytes -= last.second->memory_bytes() + static_cast<int64_t>(2 * last.first.text.size());
    index_.erase(last.first);
    entries_.pop_back();
  }
}

}  // namespace holdfast::grammar
