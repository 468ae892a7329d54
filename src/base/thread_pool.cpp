#include "base/thread_pool.h"

#include <chrono>

#include "base/check.h"

#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace holdfast {
namespace {

// About 50 to 100 microseconds of pause instructions: longer than the gap between two kernels of a
// step, short enough that a crowded machine gets its core back.
constexpr int kSpins = 3000;

void pause_cpu() {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Returns once `value` is no longer `old`: spins first, then sleeps.
void wait_change(const std::atomic<int32_t>& value, int32_t old, int spins) {
  for (int i = 0; i < spins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause_cpu();
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

}  // namespace

int64_t ThreadPool::now_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

int ThreadPool::available_cpus() {
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    const int count = CPU_COUNT(&set);
    if (count > 0) return count;
  }
#endif
  const unsigned count = std::thread::hardware_concurrency();
  return count > 0 ? static_cast<int>(count) : 1;
}

ThreadPool::ThreadPool(int threads) {
  CHECK(threads >= 1) << threads << " threads";
  workers_.reserve(static_cast<std::size_t>(threads - 1));
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
}

ThreadPool::~ThreadPool() {
  stop_.store(true, std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run_erased(Erased function, void* context) {
  if (workers_.empty()) {
    function(context, 0);
    return;
  }
  if (!counts_idle_.load(std::memory_order_relaxed)) return run_workers(function, context);
  // All threads' time less what they spent in the function; barriers add what they wait.
  struct Timed {
    Erased function;
    void* context;
    ThreadPool* pool;
  } timed{function, context, this};
  const int64_t start = now_ns();
  run_workers(
      [](void* erased, int thread) {
        const auto* inner = static_cast<Timed*>(erased);
        const int64_t begin = now_ns();
        inner->function(inner->context, thread);
        inner->pool->add_idle(begin - now_ns());
      },
      &timed);
  add_idle((now_ns() - start) * size());
}

void ThreadPool::count_idle(bool on) {
  counts_idle_.store(on, std::memory_order_relaxed);
  if (on) idle_ns_.store(0, std::memory_order_relaxed);
}

void ThreadPool::run_workers(Erased function, void* context) {
  function_ = function;
  context_ = context;
  pending_.store(static_cast<int32_t>(workers_.size()), std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();  // a system call only when somebody sleeps
  function(context, 0);
  for (;;) {
    const int32_t left = pending_.load(std::memory_order_acquire);
    if (left == 0) return;
    wait_change(pending_, left, kSpins);
  }
}

void ThreadPool::work(int thread) {
  int32_t seen = 0;
  for (;;) {
    wait_change(epoch_, seen, in_step_.load(std::memory_order_relaxed) ? kSpins : 0);
    seen = epoch_.load(std::memory_order_acquire);
    if (stop_.load(std::memory_order_relaxed)) return;
    function_(context_, thread);
    if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) pending_.notify_all();
  }
}

void ThreadPool::barrier() {
  if (workers_.empty()) return;
  const int32_t phase = phase_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == size()) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.store(phase + 1, std::memory_order_release);
    phase_.notify_all();
    return;
  }
  if (!counts_idle_.load(std::memory_order_relaxed)) return wait_change(phase_, phase, kSpins);
  const int64_t start = now_ns();
  wait_change(phase_, phase, kSpins);
  add_idle(now_ns() - start);
}

}  // namespace holdfast
