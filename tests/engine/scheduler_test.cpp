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

TEST(Scheduler, SharesAtLeastARowWithEverybodyAndNeverMoreThanAStep) {
  Scheduler scheduler({.max_sequences = 8, .step_tokens = 40});
  for (SequenceId id = 0; id < 10; ++id) scheduler.arrive(id);
  scheduler.admit([](SequenceId) { return Admission::kAdmitted; });
  EXPECT_EQ(scheduler.running().size(), 8u);
  EXPECT_EQ(scheduler.waiting().size(), 2u);
  // 0 and 1 decode, the others fill prompts.
  const auto shares = scheduler.share([](SequenceId id) { return id < 2 ? 1 : 20; });
  ASSERT_EQ(shares.size(), 8u);
  const std::vector<int32_t> want = {1, 1, 20, 14, 1, 1, 1, 1};  // the oldest prompt first
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(shares[i].rows, want[i]) << i;
}

TEST(Scheduler, CutsTheSequencesToTheRowsOfAStep) {
  Scheduler scheduler({.max_sequences = 64, .step_tokens = 4});
  for (SequenceId id = 0; id < 10; ++id) scheduler.arrive(id);
  scheduler.admit([](SequenceId) { return Admission::kAdmitted; });
  EXPECT_EQ(scheduler.running().size(), 4u);
}

TEST(Scheduler, NobodyPassesOneWithoutRoom) {
  Scheduler scheduler({});
  for (SequenceId id = 0; id < 5; ++id) scheduler.arrive(id);
  scheduler.admit([](SequenceId id) {
    return id == 1 ? Admission::kLater : id == 3 ? Admission::kNoRoom : Admission::kAdmitted;
  });
  EXPECT_EQ(scheduler.running(), (std::set<SequenceId>{0, 2}));
  EXPECT_EQ(scheduler.waiting(), (std::set<SequenceId>{1, 3, 4}));
  EXPECT_EQ(scheduler.youngest(), 2u);
}

TEST(Scheduler, APreemptedOneKeepsItsPlace) {
  Scheduler scheduler({.max_sequences = 2, .step_tokens = 8});
  for (SequenceId id = 0; id < 3; ++id) scheduler.arrive(id);
  const auto yes = [](SequenceId) { return Admission::kAdmitted; };
  scheduler.admit(yes);
  scheduler.preempt(1);
  scheduler.admit(yes);
  EXPECT_EQ(scheduler.running(), (std::set<SequenceId>{0, 1}));
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
    scheduler.admit([&](SequenceId id) {
      Simulated& s = sequences.at(id);
      if (held() + s.pending + s.left > kCapacity) return Admission::kNoRoom;
      EXPECT_GE(s.arrived, last_admitted_arrival);
      last_admitted_arrival = s.arrived;
      s.admitted = s.last_row = step;
      return Admission::kAdmitted;
    });
    const auto shares = scheduler.share([&](SequenceId id) { return sequences.at(id).pending; });
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
