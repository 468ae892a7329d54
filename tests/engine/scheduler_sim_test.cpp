// Hours of traffic against the scheduler, without a model: tenants of different weights, bursts,
// cancellations, deadlines, priorities, and pages as a number. What must hold is checked after each
// step: at least a row for everybody who runs, no step over its limits, no place left empty while
// somebody could use it, pages neither lost nor used twice; and over the whole: tenants that wait
// get what their weights say, and everybody comes to an end.
#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/scheduler.h"

namespace holdfast {
namespace {

struct Tenant {
  std::string name;
  double weight = 1.0;
  double per_second = 0.0;  // requests, on average
  double burst = 0.0;       // chance that one request is twenty
  Priority priority = Priority::kNormal;
};

struct Request {
  size_t tenant = 0;
  int32_t prompt = 0, left = 0;  // tokens
  int32_t computed = 0;          // in the cache
  int32_t said = 0;
  int32_t pages = 0;
  double arrived = 0.0, deadline = 0.0;
  bool cancelled = false;

  int32_t pending() const { return prompt + said - computed; }
};

struct World {
  SchedulerLimits limits{.max_sequences = 16, .step_tokens = 512, .step_seconds = 0.2};
  int32_t pages = 600;  // of 32 tokens
  double noise = 0.1;
  int32_t longest_prompt = 4000, longest_answer = 400;
  double cancels = 0.0, deadlines = 0.0;  // chances
  size_t longest_line = 150;
};

class Simulation {
 public:
  Simulation(World world, std::vector<Tenant> tenants, uint32_t seed)
      : world_(world), tenants_(std::move(tenants)), scheduler_(world.limits), random_(seed) {
    free_ = world.pages;
    served_.resize(tenants_.size());
    waits_.resize(tenants_.size());
  }

  void run(double seconds, bool arrivals = true) {
    for (const double end = now_ + seconds; now_ < end;) {
      if (arrivals) arrive();
      step();
      if (testing::Test::HasFatalFailure()) return;
    }
  }
  // Nobody comes any more; those who are here end.
  void drain() {
    while (!requests_.empty() && !testing::Test::HasFatalFailure()) step();
  }

  void add(size_t tenant, int32_t prompt, int32_t answer) {
    Request r;
    r.tenant = tenant;
    r.prompt = prompt;
    r.left = answer;
    r.arrived = now_;
    r.deadline = chance(world_.deadlines) ? now_ + 30.0 : 1e18;
    const SequenceId id = next_id_++;
    scheduler_.tell_time(now_);
    scheduler_.arrive(id,
                      {tenants_[tenant].name, tenants_[tenant].weight, tenants_[tenant].priority});
    requests_.emplace(id, r);
  }

  size_t waiting_of(size_t tenant) const {
    return static_cast<size_t>(
        std::count_if(scheduler_.waiting().begin(), scheduler_.waiting().end(),
                      [&](SequenceId id) { return requests_.at(id).tenant == tenant; }));
  }

  double now_ = 0.0;
  std::vector<double> served_;  // tokens computed, of each tenant
  std::vector<double> waits_;   // the longest, until the first token
  std::vector<double> timed_;   // seconds of steps in which decoding and prompts met
  int64_t finished_ = 0, cancelled_ = 0, expired_ = 0, preempted_ = 0, steps_ = 0;
  int32_t free_ = 0;
  SequenceId next_id_ = 0;
  std::map<SequenceId, Request> requests_;
  const World world_;

 private:
  bool chance(double p) { return std::uniform_real_distribution<double>(0, 1)(random_) < p; }
  int32_t between(int32_t low, int32_t high) {
    return std::uniform_int_distribution<int32_t>(low, high)(random_);
  }
  static int32_t pages_for(int64_t tokens) { return static_cast<int32_t>((tokens + 31) / 32); }

  void arrive() {
    for (size_t t = 0; t < tenants_.size(); ++t) {
      double expected = tenants_[t].per_second * last_step_;
      while (chance(expected)) {
        const int32_t count = chance(tenants_[t].burst) ? 20 : 1;
        for (int32_t i = 0; i < count && scheduler_.waiting().size() < world_.longest_line; ++i) {
          const bool is_long = between(0, 19) == 0;
          add(t, is_long ? between(1000, world_.longest_prompt) : between(5, 300),
              between(1, world_.longest_answer));
        }
        expected -= 1.0;
      }
    }
  }

  void end(SequenceId id) {
    free_ += requests_.at(id).pages;
    scheduler_.leave(id);
    requests_.erase(id);
  }

  void step() {
    scheduler_.tell_time(now_);
    for (auto next = requests_.begin(); next != requests_.end();) {
      auto& [id, r] = *next++;
      if (chance(world_.cancels)) {
        ++cancelled_;
        end(id);
      } else if (r.deadline <= now_) {
        ++expired_;
        end(id);
      }
    }
    const auto demand = [&](SequenceId id) {
      const Request& r = requests_.at(id);
      return Demand{r.pending(), r.computed};
    };
    const auto send_away = [&](SequenceId id) {
      Request& r = requests_.at(id);
      free_ += r.pages;
      r.pages = r.computed = 0;
      scheduler_.preempt(id);
      ++preempted_;
    };
    bool refused = false;
    scheduler_.admit(
        [&](SequenceId id) {
          Request& r = requests_.at(id);
          const int32_t need = pages_for(r.prompt + r.said);
          if (need + static_cast<int32_t>(scheduler_.running().size()) > free_) {
            refused = true;
            return Admission::kNoRoom;
          }
          refused = false;
          r.pages = need;
          free_ -= need;
          return Admission::kAdmitted;
        },
        demand, send_away);
    // Work conserving: whoever waits does so for want of a place or of pages.
    ASSERT_TRUE(scheduler_.waiting().empty() || refused ||
                std::ssize(scheduler_.running()) == world_.limits.max_sequences);
    if (scheduler_.running().empty()) {
      last_step_ = 0.01;
      now_ += last_step_;
      return;
    }
    std::vector<Share> shares = scheduler_.share(demand);
    ASSERT_EQ(shares.size(), scheduler_.running().size());
    for (size_t i = 0; i < shares.size(); ++i) {
      Request& r = requests_.at(shares[i].id);
      const int32_t need = pages_for(r.computed + shares[i].rows);
      while (r.pages < need) {
        if (free_ > 0) {
          --free_, ++r.pages;
          continue;
        }
        const SequenceId victim = shares.back().id;
        send_away(victim);
        shares.pop_back();
        ASSERT_FALSE(shares.empty()) << "one alone does not fit";
        if (victim == shares[i].id || i >= shares.size()) break;
      }
    }
    int64_t rows = 0;
    double attended = 0;
    bool decodes = false, reads = false;
    for (const Share& share : shares) {
      const Request& r = requests_.at(share.id);
      ASSERT_GE(share.rows, 1);
      ASSERT_LE(share.rows, r.pending());
      decodes |= r.pending() == 1;
      reads |= share.rows > 1;
      rows += share.rows;
      attended += share.rows * (r.computed + share.rows / 2.0 + 0.5);
    }
    ASSERT_LE(rows, world_.limits.step_tokens);
    std::uniform_real_distribution<double> noise(1 - world_.noise, 1 + world_.noise);
    last_step_ = (0.02 + 0.001 * static_cast<double>(rows) + 1e-7 * attended) * noise(random_);
    now_ += last_step_;
    ++steps_;
    if (decodes && reads && steps_ > 100) timed_.push_back(last_step_);
    for (const Share& share : shares) {
      Request& r = requests_.at(share.id);
      scheduler_.computed(share.id, share.rows);
      served_[r.tenant] += share.rows;
      r.computed += share.rows;
      if (r.pending() > 0) continue;
      if (r.said == 0) waits_[r.tenant] = std::max(waits_[r.tenant], now_ - r.arrived);
      ++r.said;
      if (--r.left > 0) continue;
      ++finished_;
      end(share.id);
    }
    scheduler_.measured(rows, static_cast<int64_t>(attended), last_step_);
    int32_t held = 0;
    for (const auto& [id, r] : requests_) held += r.pages;
    ASSERT_EQ(held + free_, world_.pages);
    ASSERT_GE(free_, 0);
  }

  std::vector<Tenant> tenants_;
  Scheduler scheduler_;
  std::mt19937 random_;
  double last_step_ = 0.01;
};

TEST(SchedulerSimulation, TenantsThatWaitGetWhatTheirWeightsSay) {
  const std::vector<Tenant> tenants = {{"a", 1}, {"b", 2}, {"c", 5}};
  Simulation world({}, tenants, 1);
  std::mt19937 random(2);
  const auto fill = [&] {
    for (size_t t = 0; t < tenants.size(); ++t) {
      // Of different kinds: a reads much, c writes much.
      while (world.waiting_of(t) < 10) {
        world.add(t, static_cast<int32_t>(t == 0 ? 500 + random() % 500 : 1 + random() % 100),
                  static_cast<int32_t>(t == 2 ? 50 + random() % 200 : 1 + random() % 100));
      }
    }
  };
  for (int i = 0; i < 900; ++i) {  // half an hour
    fill();
    world.run(2.0, false);
    ASSERT_FALSE(HasFatalFailure());
  }
  const double all = world.served_[0] + world.served_[1] + world.served_[2];
  for (size_t t = 0; t < tenants.size(); ++t) {
    EXPECT_NEAR(world.served_[t] / all, tenants[t].weight / 8.0, 0.02) << tenants[t].name;
  }
}

TEST(SchedulerSimulation, ABurstOfOneDoesNotHoldUpAnother) {
  Simulation world({}, {{"batch", 1}, {"person", 1}}, 3);
  for (int i = 0; i < 400; ++i) world.add(0, 200, 200);
  world.run(20, false);
  // One by one, beside the crowd: each waits for a place, not for the line.
  for (int i = 0; i < 20; ++i) {
    world.add(1, 100, 50);
    world.run(10, false);
    ASSERT_FALSE(HasFatalFailure());
  }
  EXPECT_GT(world.waiting_of(0), 20u);
  EXPECT_LT(world.waits_[1], 10.0);  // a place, out of sixteen that hold 200-token answers
}

TEST(SchedulerSimulation, EverybodyEndsThroughHoursOfEverything) {
  World limits;
  limits.cancels = 0.00005;
  limits.deadlines = 0.1;
  const std::vector<Tenant> tenants = {{"quiet", 1, 0.02, 0.0, Priority::kNormal},
                                       {"steady", 1, 0.3, 0.0, Priority::kNormal},
                                       {"bursts", 2, 0.02, 0.5, Priority::kNormal},
                                       {"urgent", 1, 0.1, 0.0, Priority::kHigh},
                                       {"batch", 1, 0.3, 0.2, Priority::kLow}};
  Simulation world(limits, tenants, 5);
  world.run(2 * 3600.0);
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_GT(world.finished_, 1000);
  EXPECT_GT(world.cancelled_, 10);
  EXPECT_GT(world.expired_, 10);
  EXPECT_GT(world.preempted_, 10);
  // Urgent ones wait for a step and their own prompt; nobody waits for ever.
  EXPECT_LT(world.waits_[3], 20.0);
  for (size_t t = 0; t < tenants.size(); ++t) EXPECT_LT(world.waits_[t], 900.0) << tenants[t].name;
  world.drain();
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_EQ(world.free_, limits.pages);
  EXPECT_EQ(world.finished_ + world.cancelled_ + world.expired_,
            static_cast<int64_t>(world.next_id_));

  // Steps in which prompts ride beside answers keep to the target.
  std::sort(world.timed_.begin(), world.timed_.end());
  ASSERT_GT(world.timed_.size(), 1000u);
  EXPECT_LT(world.timed_[world.timed_.size() * 95 / 100], 1.25 * limits.limits.step_seconds);
}

}  // namespace
}  // namespace holdfast
