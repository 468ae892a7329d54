// Wall-clock time as the log counts it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace holdfast::audit {

// Microseconds since 1970, UTC.
inline uint64_t now_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

// "2026-01-31T12:34:56.123456Z".
std::string format_time(uint64_t us);

}  // namespace holdfast::audit
