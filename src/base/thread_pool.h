// The compute pool: a fixed team of threads, the caller being one of them, that runs one function
// at a time on every thread. Kernels are short (microseconds to milliseconds) and follow each other
// closely, so while a step runs idle threads spin; between steps they sleep.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <type_traits>
#include <vector>

namespace holdfast {

// Work of one run(), handed out in order, `grain` items at a time, to whichever thread asks next.
// Who computes an item never changes how it is computed.
class WorkQueue {
 public:
  explicit WorkQueue(int64_t items, int64_t grain = 1) : items_(items), grain_(grain) {}
  // The next items [*begin, *end); false when none are left.
  bool take(int64_t* begin, int64_t* end) {
    const int64_t first = next_.fetch_add(grain_, std::memory_order_relaxed);
    if (first >= items_) return false;
    *begin = first;
    *end = first + grain_ < items_ ? first + grain_ : items_;
    return true;
  }

 private:
  const int64_t items_, grain_;
  alignas(64) std::atomic<int64_t> next_{0};
};

// Not thread-safe: run() is called from one thread at a time.
class ThreadPool {
 public:
  // `threads` >= 1 counts the caller.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Between these two calls idle threads spin for the next run() before they sleep.
  void begin_step() { in_step_.store(true, std::memory_order_relaxed); }
  void end_step() { in_step_.store(false, std::memory_order_relaxed); }

  // Calls f(thread) on every thread, 0 being the caller; returns when all have returned.
  template <class F>
  void run(F&& f) {
    using Function = std::remove_reference_t<F>;
    run_erased([](void* context, int thread) { (*static_cast<Function*>(context))(thread); },
               const_cast<void*>(static_cast<const void*>(&f)));
  }

  // f(begin, end, thread) over [0, items) in pieces of `grain`. Runs on the caller alone when there
  // is only one piece.
  template <class F>
  void parallel_for(int64_t items, int64_t grain, F&& f) {
    if (items <= 0) return;
    if (items <= grain || workers_.empty()) {
      const Alone alone(*this);
      f(int64_t{0}, items, 0);
      return;
    }
    WorkQueue queue(items, grain);
    run([&](int thread) {
      int64_t begin, end;
      while (queue.take(&begin, &end)) f(begin, end, thread);
    });
  }

  // Inside run(), called by every thread: none goes on before all have come. What threads wrote
  // before is visible to all after.
  void barrier();

  // Thread-seconds inside run() and parallel_for() for which a thread had nothing to do, since
  // count_idle(true). Counting reads the clock a few times a run.
  void count_idle(bool on);
  double idle_seconds() const {
    return static_cast<double>(idle_ns_.load(std::memory_order_relaxed)) * 1e-9;
  }

  // CPUs this process may run on.
  static int available_cpus();

 private:
  // Counts the others as idle while the caller works alone.
  class Alone {
   public:
    explicit Alone(ThreadPool& pool)
        : pool_(pool.counts_idle_.load(std::memory_order_relaxed) ? &pool : nullptr),
          start_(pool_ ? now_ns() : 0) {}
    ~Alone() {
      if (pool_) pool_->add_idle((now_ns() - start_) * (pool_->size() - 1));
    }

   private:
    ThreadPool* const pool_;
    const int64_t start_;
  };

  using Erased = void (*)(void* context, int thread);
  static int64_t now_ns();
  void add_idle(int64_t ns) { idle_ns_.fetch_add(ns, std::memory_order_relaxed); }
  void run_erased(Erased function, void* context);
  void run_workers(Erased function, void* context);
  void work(int thread);

  std::vector<std::thread> workers_;
  Erased function_ = nullptr;
  void* context_ = nullptr;
  std::atomic<bool> in_step_{false};
  std::atomic<bool> stop_{false};
  std::atomic<bool> counts_idle_{false};
  std::atomic<int64_t> idle_ns_{0};
  alignas(64) std::atomic<int32_t> epoch_{0};    // one up for each run
  alignas(64) std::atomic<int32_t> pending_{0};  // workers still inside this run
  alignas(64) std::atomic<int32_t> arrived_{0};  // threads at the barrier
  alignas(64) std::atomic<int32_t> phase_{0};    // barriers passed
};

}  // namespace holdfast
