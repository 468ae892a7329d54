// Policy: who runs next. Knows sequences by number, who sent them and how much each has still to
// compute; never pages, tokens or models, so a test can simulate days of traffic in a second.
//
// One order decides everything: the higher class first; in a class the tenant that has had least
// for its weight (fair_share.h); of a tenant, first come, first served. A number is a place in the
// line and is kept through preemption. Where nobody names classes or tenants, that is first come,
// first served. A class of which somebody waits and nobody runs gets a turn after `turn_seconds`:
// its first goes before all, and counts as of the highest class from then on. So nobody waits for
// ever.
//
// In that order the line is let in, and rows of prompts are given out. Every running sequence gets
// at least one row of every step, so nobody who runs starves. When pages run out, the last in the
// order gives way, but never the oldest of the highest class: so one always finishes, and everybody
// becomes that one. Somebody of a higher class who finds no room takes it from lower ones.
//
// While somebody decodes, a step holds no more rows of prompts than fit the target time
// (step_cost.h), so that a long prompt does not tear gaps into the answers of others.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "base/priority.h"
#include "engine/fair_share.h"
#include "engine/step_cost.h"

namespace holdfast {

using SequenceId = uint64_t;  // in order of arrival

struct SchedulerLimits {
  int32_t max_sequences = 64;
  int32_t step_tokens = 512;
  double step_seconds = 0.0;  // target for steps in which somebody decodes; 0: none
  double turn_seconds = 10.0;
};

// Whose a sequence is.
struct Claim {
  std::string_view tenant;
  double weight = 1.0;  // > 0, of the tenant
  Priority priority = Priority::kNormal;
};

// What a sequence has still to compute.
struct Demand {
  int32_t pending = 0;  // tokens that are not in the cache, >= 1; 1 is a decode step
  int32_t cached = 0;   // tokens that are
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
  using DemandOf = std::function<Demand(SequenceId)>;

  // A step of fewer rows than sequences would starve some: max_sequences is cut to step_tokens.
  explicit Scheduler(SchedulerLimits limits);

  // Seconds, from any beginning; never less than before.
  void tell_time(double now) { now_ = now; }

  void arrive(SequenceId id, const Claim& claim = {});
  // Finished or cancelled, wherever it was.
  void leave(SequenceId id);
  // Back into the line, to its old place.
  void preempt(SequenceId id);

  // Asks `try_admit` for the waiting in order, until one has no room or enough run. Where one of a
  // higher class finds no room, `send_away` is called for running ones of lower classes, which it
  // must preempt(); without it nobody is. Who is admitted is charged for its pending tokens.
  void admit(const std::function<Admission(SequenceId)>& try_admit, const DemandOf& demand_of,
             const std::function<void(SequenceId)>& send_away = {});

  // Shares the next step out: at least a row for each running sequence, at most step_tokens in all.
  // In the order in which sequences keep their pages: the last gives way first.
  std::vector<Share> share(const DemandOf& demand_of) const;

  // What a step did: so many rows of that sequence; and how long all of it took.
  void computed(SequenceId id, int32_t rows);
  void measured(int64_t rows, int64_t attended, double seconds) {
    cost_.learn(rows, attended, seconds);
  }

  const std::set<SequenceId>& running() const { return running_; }
  const std::set<SequenceId>& waiting() const { return waiting_; }
  const StepCost& cost() const { return cost_; }

 private:
  struct Entry {
    FairShare::Account* account = nullptr;
    Priority priority = Priority::kNormal;
    bool raised = false;  // had its class's turn
    int32_t prepaid = 0;  // of its tokens, charged and not yet computed

    Priority grade() const { return raised ? Priority::kHigh : priority; }
  };
  struct Class {
    int32_t waiting = 0, running = 0;
    double passed_over_since = 0.0;
  };
  struct Rank {
    Priority grade;
    double counter;
    SequenceId id;
    bool operator<(const Rank& other) const;  // first in the order
  };

  Class& class_of(const Entry& entry) { return classes_[static_cast<size_t>(entry.priority)]; }
  void starts_to_wait(const Entry& entry);
  bool has_turn(const Entry& entry) const;
  Rank rank(SequenceId id) const;
  std::vector<SequenceId> ranked_running() const;
  std::optional<SequenceId> lowest_below(Priority grade) const;
  void refund(Entry& entry);

  SchedulerLimits limits_;
  double now_ = 0.0;
  FairShare fair_;
  StepCost cost_;
  std::array<Class, 3> classes_;  // by Priority
  std::map<SequenceId, Entry> entries_;
  std::set<SequenceId> running_, waiting_;
};

}  // namespace holdfast
