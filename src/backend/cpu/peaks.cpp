#include "backend/cpu/peaks.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string_view>
#include <vector>

#include "backend/cpu/memory.h"
#include "backend/cpu/peak_loops.h"

namespace holdfast::cpu {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kReadBytes = int64_t{512} << 20;  // well beyond any cache
constexpr int kReadPasses = 7;
constexpr int kWindows = 5;
constexpr double kWindowSeconds = 0.02;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

PeakLoops loops_for(std::string_view isa) {
#if defined(__x86_64__)
  if (isa.starts_with("avx512")) return avx512_peak_loops(isa == "avx512_bf16");
  if (isa == "avx2_vnni") return avx2_vnni_peak_loops();
  if (isa == "avx2") return avx2_peak_loops();
#elif defined(__aarch64__)
  if (isa == "neon_dot") return neon_dot_peak_loops();
  if (isa == "neon") return neon_peak_loops();
#endif
  (void)isa;
  return generic_peak_loops();
}

std::atomic<int64_t> g_result{0};  // what the loops computed goes somewhere

double read_rate(const PeakLoops& loops, ThreadPool& pool) {
  const int64_t part = kReadBytes / pool.size() / 4096 * 4096;
  std::byte* memory = try_allocate_pages(part * pool.size());
  if (memory == nullptr) return 0.0;
  auto* data = reinterpret_cast<unsigned char*>(memory);
  pool.run(
      [&](int thread) {  // touched by whom it is read: pages differ, or one cached page is read
        std::fill_n(data + thread * part, part, static_cast<unsigned char>(thread + 1));
      });
  std::vector<double> rates;
  for (int pass = 0; pass < kReadPasses; ++pass) {
    const auto start = Clock::now();
    pool.run([&](int thread) {
      g_result.fetch_add(loops.read(data + thread * part, part), std::memory_order_relaxed);
    });
    rates.push_back(static_cast<double>(part * pool.size()) / seconds_since(start));
  }
  free_pages(memory, part * pool.size());
  // Neighbours on one machine share its memory: a lucky moment is nothing to be measured against.
  std::ranges::nth_element(rates, rates.begin() + kReadPasses / 2);
  return rates[kReadPasses / 2];
}

// Operations a second of all threads.
double compute_rate(const ComputeLoop& loop, ThreadPool& pool) {
  if (loop.run == nullptr) return 0.0;
  int64_t rounds = 1000;
  double best = 0.0;
  for (int window = 0; window < kWindows;) {
    const auto start = Clock::now();
    pool.run([&](int) { g_result.fetch_add(loop.run(rounds), std::memory_order_relaxed); });
    const double seconds = seconds_since(start);
    if (seconds < kWindowSeconds) {  // not long enough to count: threads were still waking up
      const double more = seconds > 0.0 ? 1.2 * kWindowSeconds / seconds : 16.0;
      rounds = static_cast<int64_t>(static_cast<double>(rounds) * std::clamp(more, 1.2, 16.0)) + 1;
      continue;
    }
    best = std::max(best, static_cast<double>(rounds * loop.operations * pool.size()) / seconds);
    ++window;
  }
  return best;
}

}  // namespace

Peaks measure_peaks(const char* isa, ThreadPool& pool) {
  const PeakLoops loops = loops_for(isa);
  pool.begin_step();
  Peaks peaks;
  peaks.read_bytes = read_rate(loops, pool);
  peaks.int8 = compute_rate(loops.int8, pool);
  peaks.bf16 = compute_rate(loops.bf16, pool);
  peaks.fp32 = compute_rate(loops.fp32, pool);
  pool.end_step();
  return peaks;
}

}  // namespace holdfast::cpu
