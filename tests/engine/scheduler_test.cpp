#include "engine/scheduler.h"

#include <map>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

namespace holdfast {
namespace {

// A simulation of traffic without a model: each sequence has a prompt to fill and tokens to decode.
struct Simulated {
  int32_t pending, left;
  int64_t arrived = 0, admitted = -1, last_row = 0;
};

Admission yes(SequenceId) { return Admission::kAdmitted; }
Demand one(SequenceId) { return {1, 0}; }

std::vector<SequenceId> ids(const std::vector<Share>& shares) {
  std::vector<SequenceId> out;
  for (const Share& share : shares) out.push_back(share.id);
  return out;
}

TEST(Scheduler, SharesAtLeastARowWithEverybodyAndNeverMoreThanAStep) {
  Scheduler scheduler({.max_sequences = 8, .step_tokens = 40});
  for (SequenceId id = 0; id < 10; ++id) scheduler.arrive(id);
  scheduler.admit(yes, one);
  EXPECT_EQ(scheduler.running().size(), 8u);
  EXPECT_EQ(scheduler.waiting().size(), 2u);
  // 0 and 1 decode, the others fill prompts.
  const auto shares = scheduler.share([](SequenceId id) { return Demand{id < 2 ? 1 : 20, 0}; });
  ASSERT_EQ(shares.size(), 8u);
  const std::vector<int32_t> want = {1, 1, 20, 14, 1, 1, 1, 1};  // the oldest prompt first
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(shares[i].rows, want[i]) << i;
}

TEST(Scheduler, CutsTheSequencesToTheRowsOfAStep) {
  Scheduler scheduler({.max_sequences = 64, .step_tokens = 4});
  for (SequenceId id = 0; id < 10; ++id) scheduler.arrive(id);
  scheduler.admit(yes, one);
  EXPECT_EQ(scheduler.running().size(), 4u);
}

TEST(Scheduler, NobodyPassesOneWithoutRoom) {
  Scheduler scheduler({});
  for (SequenceId id = 0; id < 5; ++id) scheduler.arrive(id);
  scheduler.admit(
      [](SequenceId id) {
        return id == 1 ? Admission::kLater : id == 3 ? Admission::kNoRoom : Admission::kAdmitted;
      },
      one);
  EXPECT_EQ(scheduler.running(), (std::set<SequenceId>{0, 2}));
  EXPECT_EQ(scheduler.waiting(), (std::set<SequenceId>{1, 3, 4}));
  EXPECT_EQ(ids(scheduler.share(one)), (std::vector<SequenceId>{0, 2}));  // 2 gives way first
}

TEST(Scheduler, APreemptedOneKeepsItsPlace) {
  Scheduler scheduler({.max_sequences = 2, .step_tokens = 8});
  for (SequenceId id = 0; id < 3; ++id) scheduler.arrive(id);
  scheduler.admit(yes, one);
  scheduler.preempt(1);
  scheduler.admit(yes, one);
  EXPECT_EQ(scheduler.running(), (std::set<SequenceId>{0, 1}));
}

TEST(Scheduler, HigherClassesGoFirstAndTakeRoomFromLowerOnes) {
  Scheduler scheduler({.max_sequences = 2, .step_tokens = 8});
  scheduler.arrive(0, {.priority = Priority::kLow});
  scheduler.arrive(1, {.priority = Priority::kNormal});
  scheduler.arrive(2, {.priority = Priority::kLow});
  scheduler.admit(yes, one);
  EXPECT_EQ(scheduler.running(), (std::set<SequenceId>{0, 1}));
  scheduler.arrive(3, {.priority = Priority::kHigh});
  scheduler.arrive(4, {.priority = Priority::kNormal});
  std::vector<SequenceId> sent;
  scheduler.admit(yes, one, [&](SequenceId id) {
    sent.push_back(id);
    scheduler.preempt(id);
  });
  // 3 takes the low one's place; 4 is of 1's class and waits.
  EXPECT_EQ(sent, (std::vector<SequenceId>{0}));
  EXPECT_EQ(scheduler.running(), (std::set<SequenceId>{1, 3}));
  EXPECT_EQ(ids(scheduler.share(one)), (std::vector<SequenceId>{3, 1}));
  scheduler.leave(3);
  scheduler.leave(1);
  scheduler.admit(yes, one);
  EXPECT_EQ(scheduler.running(), (std::set<SequenceId>{0, 4}));
}

TEST(Scheduler, AClassThatIsPassedOverGetsATurn) {
  Scheduler scheduler({.max_sequences = 1, .step_tokens = 8, .turn_seconds = 10});
  const auto send_away = [&](SequenceId id) { scheduler.preempt(id); };
  SequenceId next = 0;
  for (int i = 0; i < 3; ++i) scheduler.arrive(next++, {.priority = Priority::kLow});
  std::map<SequenceId, double> admitted;
  for (double now = 0; now < 35; ++now) {
    scheduler.tell_time(now);
    scheduler.arrive(next, {.priority = Priority::kHigh});
    scheduler.admit(yes, one, send_away);
    const SequenceId id = *scheduler.running().begin();
    admitted[id] = now;
    // One that had its class's turn is not sent away again.
    scheduler.arrive(next + 1, {.priority = Priority::kHigh});
    scheduler.admit(yes, one, send_away);
    EXPECT_EQ(*scheduler.running().begin(), id);
    scheduler.leave(id);
    scheduler.leave(next);
    scheduler.leave(next + 1);
    next += 2;
  }
  EXPECT_EQ(admitted.at(0), 10);
  EXPECT_EQ(admitted.at(1), 20);
  EXPECT_EQ(admitted.at(2), 30);
}

TEST(Scheduler, TheOldestOfTheHighestClassKeepsItsPages) {
  Scheduler scheduler({.max_sequences = 4, .step_tokens = 8});
  scheduler.arrive(0, {.tenant = "a"});
  scheduler.admit(yes, one);
  for (int i = 0; i < 100; ++i) scheduler.computed(0, 1);  // far over its share
  scheduler.arrive(1, {.tenant = "b"});
  scheduler.arrive(2, {.tenant = "c", .priority = Priority::kLow});
  scheduler.arrive(3, {.tenant = "a"});
  scheduler.admit(yes, one);
  EXPECT_EQ(ids(scheduler.share(one)), (std::vector<SequenceId>{0, 1, 3, 2}));
}

TEST(Scheduler, ServesTenantsByTheirWeights) {
  Scheduler scheduler({.max_sequences = 8, .step_tokens = 64});
  SequenceId next = 0;
  for (int i = 0; i < 40; ++i) scheduler.arrive(next++, {.tenant = "a", .weight = 1});
  for (int i = 0; i < 40; ++i) scheduler.arrive(next++, {.tenant = "b", .weight = 3});
  scheduler.admit(yes, [](SequenceId) { return Demand{10, 0}; });
  int32_t of_b = 0;
  for (const SequenceId id : scheduler.running()) of_b += id >= 40;
  EXPECT_EQ(of_b, 6);  // of eight places
}

TEST(Scheduler, ATenantThatComesLaterOwesAndOwnsNothing) {
  Scheduler scheduler({.max_sequences = 1, .step_tokens = 64});
  SequenceId next = 0;
  const auto run_one = [&] {
    scheduler.admit(yes, [](SequenceId) { return Demand{10, 0}; });
    const SequenceId id = *scheduler.running().begin();
    scheduler.computed(id, 10);
    scheduler.leave(id);
    return id;
  };
  for (int i = 0; i < 100; ++i) scheduler.arrive(next++, {.tenant = "a"});
  for (int i = 0; i < 50; ++i) run_one();
  const SequenceId first_of_b = next;
  for (int i = 0; i < 100; ++i) scheduler.arrive(next++, {.tenant = "b"});
  int32_t of_b = 0;
  for (int i = 0; i < 20; ++i) of_b += run_one() >= first_of_b;
  EXPECT_NEAR(of_b, 10, 1);
}

TEST(Scheduler, CutsPromptsToTheTargetWhileSomebodyDecodes) {
  Scheduler scheduler({.max_sequences = 8, .step_tokens = 512, .step_seconds = 0.2});
  for (SequenceId id = 0; id < 3; ++id) scheduler.arrive(id);
  scheduler.admit(yes, one);
  const auto decode_and_prompt = [](SequenceId id) {
    return id == 1 ? Demand{4000, 100} : Demand{1, 50};
  };
  const auto prompts = [](SequenceId) { return Demand{4000, 0}; };
  const auto rows = [&](const Scheduler::DemandOf& demand) {
    int32_t sum = 0;
    for (const Share& share : scheduler.share(demand)) sum += share.rows;
    return sum;
  };
  EXPECT_EQ(rows(decode_and_prompt), 512);  // nothing is known yet
  // 20 ms a step, 2 ms a row.
  for (int i = 0; i < 200; ++i) {
    for (const int32_t n : {1, 3, 100, 400}) scheduler.measured(n, n * 50, 0.02 + 0.002 * n);
  }
  EXPECT_NEAR(rows(decode_and_prompt), 90, 6);
  EXPECT_EQ(rows(prompts), 512);  // nobody to disturb
  // On a machine where decoding alone takes longer than that, prompts get as long again.
  for (int i = 0; i < 400; ++i) {
    for (const int32_t n : {1, 3, 100, 400}) scheduler.measured(n, n * 50, 0.8 + 0.01 * n);
  }
  EXPECT_NEAR(rows(decode_and_prompt), 86, 8);
}

// Long traffic, with pages as one number: everyone who runs gets a row in every step, everyone
// finishes, nobody is admitted before one who came earlier, and no step is over its limit.
TEST(Scheduler, IsFairThroughLongTraffic) {
  const SchedulerLimits limits{.max_sequences = 16, .step_tokens = 64};
  Scheduler scheduler(limits);
  std::map<SequenceId, Simulated> sequences;
  std::mt19937 random(1);
  SequenceId next_id = 0;
  constexpr int32_t kCapacity = 1500;  // tokens all running ones may hold
  const auto held = [&] {
    int32_t sum = 0;
    for (const SequenceId id : scheduler.running())
      sum += sequences.at(id).pending + sequences.at(id).left;
    return sum;
  };
  int64_t finished = 0, last_admitted_arrival = -1;
  for (int64_t step = 0; step < 20000; ++step) {
    if (step < 15000 && random() % 8 == 0) {
      sequences[next_id] = {static_cast<int32_t>(1 + random() % 300),
                            static_cast<int32_t>(1 + random() % 80), step};
      scheduler.arrive(next_id++);
    }
    const auto demand = [&](SequenceId id) { return Demand{sequences.at(id).pending, 0}; };
    scheduler.admit(
        [&](SequenceId id) {
          Simulated& s = sequences.at(id);
          if (held() + s.pending + s.left > kCapacity) return Admission::kNoRoom;
          EXPECT_GE(s.arrived, last_admitted_arrival);
          last_admitted_arrival = s.arrived;
          s.admitted = s.last_row = step;
          return Admission::kAdmitted;
        },
        demand);
    const auto shares = scheduler.share(demand);
    EXPECT_EQ(shares.size(), scheduler.running().size());
    int32_t rows = 0;
    for (const Share& share : shares) {
      Simulated& s = sequences.at(share.id);
      ASSERT_GE(share.rows, 1);
      ASSERT_LE(share.rows, s.pending);
      rows += share.rows;
      s.pending -= share.rows;
      if (s.pending > 0) continue;
      s.pending = 1;
      if (--s.left > 0) continue;
      scheduler.leave(share.id);
      sequences.erase(share.id);
      ++finished;
    }
    ASSERT_LE(rows, limits.step_tokens);
  }
  EXPECT_EQ(finished, static_cast<int64_t>(next_id));
  EXPECT_TRUE(sequences.empty());
}

}  // namespace
}  // namespace holdfast
