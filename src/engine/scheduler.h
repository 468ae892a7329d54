// Policy: who runs next. Knows sequences by number and how much each has still to compute; never
// pages, tokens or models, so a test can simulate days of traffic in a second.
//
// The rules. First come, first served: a number is a place in the line, and it is kept through
// preemption. Every running sequence gets at least one row of every step, so nobody who runs
// starves; decode rows go first (they are one row each), then the oldest prompts fill the step.
// When pages run out, the youngest gives way; so the oldest always finishes, and everybody becomes
// the oldest.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <vector>

namespace holdfast {

using SequenceId = uint64_t;  // in order of arrival

struct SchedulerLimits {
  int32_t max_sequences = 64;
  int32_t step_tokens = 512;
};

// How many of its pending tokens a sequence computes in a step.
struct Share {
  SequenceId id;
  int32_t rows;
};

enum class Admission {
  kAdmitted,
  kLater,   // not this one now; those behind it may go first
  kNoRoom,  // nobody behind it either
};

// Not thread-safe.
class Scheduler {
 public:
  // A step of fewer rows than sequences would starve some: max_sequences is cut to step_tokens.
  explicit Scheduler(SchedulerLimits limits);

  void arrive(SequenceId id) { waiting_.insert(id); }
  // Finished or cancelled, wherever it was.
  void leave(SequenceId id);
  // Back into the line, to its old place.
  void preempt(SequenceId id);

  // Asks `admit` for the waiting in order, until one has no room or enough run.
  void admit(const std::function<Admission(SequenceId)>& try_admit);

  // Shares the next step out: at least a row for each running sequence, at most step_tokens in all,
  // oldest first. pending(id): tokens of it that are not in the cache; 1 is a decode step.
  std::vector<Share> share(const std::function<int32_t(SequenceId)>& pending) const;

  // Who gives way when pages run out.
  std::optional<SequenceId> youngest() const;

  const std::set<SequenceId>& running() const { return running_; }
  const std::set<SequenceId>& waiting() const { return waiting_; }

 private:
  SchedulerLimits limits_;
  std::set<SequenceId> running_, waiting_;
};

}  // namespace holdfast
