#include "engine/scheduler.h"

#include <algorithm>

#include "base/check.h"

namespace holdfast {

namespace {

// A step that cannot meet the target still takes so many times what decoding alone takes: prompts
// go on, on any machine.
constexpr double kLeastRoom = 2.0;
// Fewer rows of prompts than this are hardly worth the step.
constexpr int32_t kLeastChunk = 16;

// Of one more row behind `cached` positions, and `rows` before it in the same step.
double attended_by(int64_t cached, int64_t rows) {
  const auto n = static_cast<double>(rows);
  return n * (static_cast<double>(cached) + 1.0) + n * (n - 1.0) / 2.0;
}

}  // namespace

bool Scheduler::Rank::operator<(const Rank& other) const {
  if (grade != other.grade) return grade > other.grade;
  if (counter != other.counter) return counter < other.counter;
  return id < other.id;
}

Scheduler::Scheduler(SchedulerLimits limits) : limits_(limits) {
  CHECK(limits.step_tokens > 0 && limits.max_sequences > 0) << "empty limits";
  limits_.max_sequences = std::min(limits.max_sequences, limits.step_tokens);
}

void Scheduler::arrive(SequenceId id, const Claim& claim) {
  Entry entry;
  entry.account = &fair_.arrive(claim.tenant, claim.weight);
  entry.priority = claim.priority;
  CHECK(entries_.emplace(id, entry).second) << "sequence " << id << " is here already";
  waiting_.insert(id);
  starts_to_wait(entry);
}

void Scheduler::starts_to_wait(const Entry& entry) {
  Class& own = class_of(entry);
  if (own.waiting++ == 0) own.passed_over_since = now_;
}

bool Scheduler::has_turn(const Entry& entry) const {
  const Class& own = classes_[static_cast<size_t>(entry.priority)];
  return own.running == 0 && now_ - own.passed_over_since >= limits_.turn_seconds;
}

void Scheduler::refund(Entry& entry) {
  FairShare::charge(*entry.account, -entry.prepaid);
  entry.prepaid = 0;
}

void Scheduler::leave(SequenceId id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  refund(found->second);
  class_of(found->second).running -= static_cast<int32_t>(running_.erase(id));
  const bool waited = waiting_.erase(id) == 1;
  if (waited) --class_of(found->second).waiting;
  fair_.leave(*found->second.account, waited);
  entries_.erase(found);
}

void Scheduler::preempt(SequenceId id) {
  CHECK(running_.erase(id) == 1) << "sequence " << id << " does not run";
  Entry& entry = entries_.at(id);
  refund(entry);
  fair_.stop(*entry.account);
  waiting_.insert(id);
  --class_of(entry).running;
  starts_to_wait(entry);
}

Scheduler::Rank Scheduler::rank(SequenceId id) const {
  const Entry& entry = entries_.at(id);
  return {entry.grade(), entry.account->counter, id};
}

std::optional<SequenceId> Scheduler::lowest_below(Priority above) const {
  std::optional<Rank> last;
  for (const SequenceId id : running_) {
    const Rank r = rank(id);
    if (r.grade < above && (!last || *last < r)) last = r;
  }
  if (!last) return std::nullopt;
  return last->id;
}

void Scheduler::admit(const std::function<Admission(SequenceId)>& try_admit,
                      const DemandOf& demand_of, const std::function<void(SequenceId)>& send_away) {
  const auto full = [&] { return static_cast<int32_t>(running_.size()) >= limits_.max_sequences; };
  if (waiting_.empty() || (full() && !send_away)) return;
  // Each tenant's own lines, by class and in order of age. Counters move while they are served.
  struct Line {
    std::vector<SequenceId> ids;
    size_t next = 0;
  };
  std::map<std::pair<const FairShare::Account*, Priority>, Line> lines;
  for (const SequenceId id : waiting_) {
    const Entry& entry = entries_.at(id);
    lines[{entry.account, entry.grade()}].ids.push_back(id);
  }
  while (true) {
    Line* best = nullptr;
    Rank first{};
    bool turn = false;
    for (auto& [key, line] : lines) {
      if (line.next == line.ids.size()) continue;
      const SequenceId id = line.ids[line.next];
      const Rank r = rank(id);
      const bool has_turn = this->has_turn(entries_.at(id));
      const bool better = has_turn != turn ? has_turn : r < first;
      if (best == nullptr || better) best = &line, first = r, turn = has_turn;
    }
    if (best == nullptr) return;
    Entry& entry = entries_.at(first.id);
    const Admission verdict = full() ? Admission::kNoRoom : try_admit(first.id);
    if (verdict == Admission::kNoRoom) {
      const auto lower = send_away ? lowest_below(turn ? Priority::kHigh : first.grade)
                                   : std::optional<SequenceId>();
      if (!lower) return;
      send_away(*lower);
      CHECK(!running_.contains(*lower)) << "sequence " << *lower << " still runs";
      continue;
    }
    ++best->next;
    if (verdict == Admission::kLater) continue;
    waiting_.erase(first.id);
    running_.insert(first.id);
    entry.raised |= turn;
    Class& own = class_of(entry);
    --own.waiting;
    ++own.running;
    own.passed_over_since = now_;
    fair_.start(*entry.account);
    entry.prepaid = demand_of(first.id).pending;
    FairShare::charge(*entry.account, entry.prepaid);
  }
}

void Scheduler::computed(SequenceId id, int32_t rows) {
  Entry& entry = entries_.at(id);
  const int32_t paid = std::min(rows, entry.prepaid);
  entry.prepaid -= paid;
  FairShare::charge(*entry.account, rows - paid);
}

// Best first, but for the oldest of the highest class, which goes before all.
std::vector<SequenceId> Scheduler::ranked_running() const {
  std::vector<Rank> ranks;
  ranks.reserve(running_.size());
  for (const SequenceId id : running_) ranks.push_back(rank(id));
  std::sort(ranks.begin(), ranks.end());
  const auto oldest =
      std::min_element(ranks.begin(), ranks.end(), [](const Rank& a, const Rank& b) {
        return a.grade != b.grade ? a.grade > b.grade : a.id < b.id;
      });
  if (oldest != ranks.end()) std::rotate(ranks.begin(), oldest, oldest + 1);
  std::vector<SequenceId> order;
  order.reserve(ranks.size());
  for (const Rank& r : ranks) order.push_back(r.id);
  return order;
}

std::vector<Share> Scheduler::share(const DemandOf& demand_of) const {
  const std::vector<SequenceId> order = ranked_running();
  std::vector<Demand> demands;
  demands.reserve(order.size());
  bool decoding = false;
  double attended = 0.0;
  for (const SequenceId id : order) {
    const Demand& demand = demands.emplace_back(demand_of(id));
    CHECK(demand.pending > 0) << "sequence " << id << " has nothing to compute";
    decoding |= demand.pending == 1;
    attended += demand.cached + 1.0;
  }
  const auto sure = static_cast<int32_t>(order.size());  // a row each
  int32_t left = limits_.step_tokens - sure;
  const bool timed = decoding && limits_.step_seconds > 0 && cost_.known();
  double seconds = 0.0;  // for further rows
  if (timed) {
    const double least = cost_.predict(sure, attended);
    seconds = std::max(limits_.step_seconds, kLeastRoom * least) - least;
  }
  int32_t given = 0;
  std::vector<Share> shares;
  shares.reserve(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    const Demand& demand = demands[i];
    int32_t more = std::min(demand.pending - 1, left);
    if (timed && more > 0) {
      const int64_t fit =
          std::max<int64_t>(cost_.rows_within(seconds, demand.cached + 1), kLeastChunk - given);
      more = static_cast<int32_t>(std::clamp<int64_t>(fit, 0, more));
      seconds -= cost_.row() * more + cost_.attended() * attended_by(demand.cached + 1, more);
      given += more;
    }
    left -= more;
    shares.push_back({order[i], 1 + more});
  }
  return shares;
}

}  // namespace holdfast
