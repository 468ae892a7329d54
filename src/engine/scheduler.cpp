#include "engine/scheduler.h"

#include <algorithm>

#include "base/check.h"

namespace holdfast {

Scheduler::Scheduler(SchedulerLimits limits) : limits_(limits) {
  CHECK(limits.step_tokens > 0 && limits.max_sequences > 0) << "empty limits";
  limits_.max_sequences = std::min(limits.max_sequences, limits.step_tokens);
}

void Scheduler::leave(SequenceId id) {
  running_.erase(id);
  waiting_.erase(id);
}

void Scheduler::preempt(SequenceId id) {
  CHECK(running_.erase(id) == 1) << "sequence " << id << " does not run";
  waiting_.insert(id);
}

void Scheduler::admit(const std::function<Admission(SequenceId)>& try_admit) {
  for (auto next = waiting_.begin();
       next != waiting_.end() && static_cast<int32_t>(running_.size()) < limits_.max_sequences;) {
    const Admission verdict = try_admit(*next);
    if (verdict == Admission::kNoRoom) return;
    if (verdict == Admission::kLater) {
      ++next;
      continue;
    }
    running_.insert(*next);
    next = waiting_.erase(next);
  }
}

std::vector<Share> Scheduler::share(const std::function<int32_t(SequenceId)>& pending) const {
  std::vector<Share> shares;
  shares.reserve(running_.size());
  auto left = limits_.step_tokens - static_cast<int32_t>(running_.size());  // one row is sure
  for (const SequenceId id : running_) {
    const int32_t wanted = pending(id);
    CHECK(wanted > 0) << "sequence " << id << " has nothing to compute";
    const int32_t more = std::min(wanted - 1, left);
    left -= more;
    shares.push_back({id, 1 + more});
  }
  return shares;
}

std::optional<SequenceId> Scheduler::youngest() const {
  if (running_.empty()) return std::nullopt;
  return *running_.rbegin();
}

}  // namespace holdfast
