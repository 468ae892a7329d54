#include "audit/clock.h"

#include <ctime>

#include <fmt/format.h>

namespace holdfast::audit {

std::string format_time(uint64_t us) {
  const auto seconds = static_cast<std::time_t>(us / 1'000'000);
  std::tm utc{};
  if (gmtime_r(&seconds, &utc) == nullptr) return fmt::format("{} us", us);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
  return fmt::format("{}.{:06}Z", text, us % 1'000'000);
}

}  // namespace holdfast::audit
