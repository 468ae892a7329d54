#include "base/priority.h"

#include <array>

namespace holdfast {

namespace {

constexpr std::array<std::string_view, 3> kNames = {"low", "normal", "high"};

}  // namespace

std::string_view priority_name(Priority priority) { return kNames[static_cast<size_t>(priority)]; }

std::optional<Priority> find_priority(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Priority>(i);
  }
  return std::nullopt;
}

}  // namespace holdfast
