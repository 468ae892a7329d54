#include "base/thread_pool.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(ThreadPool, RunsOnEveryThreadOnce) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), threads);
    std::vector<int> calls(static_cast<std::size_t>(threads), 0);
    for (int i = 0; i < 50; ++i) {
      if (i == 10) pool.begin_step();
      if (i == 30) pool.end_step();
      pool.run([&](int thread) { ++calls[static_cast<std::size_t>(thread)]; });
    }
    for (const int count : calls) EXPECT_EQ(count, 50);
  }
}

TEST(ThreadPool, ParallelForCoversEachItemOnce) {
  ThreadPool pool(3);
  for (const int64_t items : {0, 1, 7, 1000}) {
    for (const int64_t grain : {1, 3, 2000}) {
      std::vector<std::atomic<int>> seen(static_cast<std::size_t>(items));
      pool.parallel_for(items, grain, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
      });
      for (const auto& count : seen) EXPECT_EQ(count.load(), 1);
    }
  }
}

// What threads wrote before a barrier is there for all after it.
TEST(ThreadPool, BarrierSeparatesPhases) {
  ThreadPool pool(4);
  std::vector<int> values(4, 0);
  std::atomic<int> wrong{0};
  pool.begin_step();
  for (int round = 1; round <= 200; ++round) {
    pool.run([&](int thread) {
      values[static_cast<std::size_t>(thread)] = round;
      pool.barrier();
      for (const int value : values) {
        if (value != round) ++wrong;
      }
      pool.barrier();
    });
  }
  EXPECT_EQ(wrong.load(), 0);
}

// One thread works for a while, two have nothing to do.
TEST(ThreadPool, CountsIdleThreads) {
  const auto work = [] { std::this_thread::sleep_for(std::chrono::milliseconds(20)); };
  ThreadPool pool(3);
  pool.run([&](int) { work(); });
  EXPECT_EQ(pool.idle_seconds(), 0.0);
  pool.count_idle(true);
  pool.run([&](int thread) {
    if (thread == 1) work();
  });
  EXPECT_GE(pool.idle_seconds(), 0.035);
  double before = pool.idle_seconds();
  pool.run([&](int thread) {
    if (thread == 2) work();
    pool.barrier();
  });
  EXPECT_GE(pool.idle_seconds() - before, 0.035);
  before = pool.idle_seconds();
  pool.parallel_for(5, 10, [&](int64_t, int64_t, int) { work(); });
  EXPECT_GE(pool.idle_seconds() - before, 0.035);
  pool.count_idle(false);
  before = pool.idle_seconds();
  pool.run([&](int) { work(); });
  EXPECT_EQ(pool.idle_seconds(), before);
}

}  // namespace
}  // namespace holdfast
