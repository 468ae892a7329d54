// What the benchmarks of kernels share.
#pragma once

#include <ctime>
#include <string>
#include <vector>

namespace holdfast {

// Seconds, of this thread's processor time or of the clock on the wall.
inline double now(bool cpu_time) {
  timespec time{};
  clock_gettime(cpu_time ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

inline std::vector<std::string> split(const std::string& text, char at = ',') {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == at) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

}  // namespace holdfast
