// How urgent a request is. Who may ask for which class is the access policy's to say; what the
// classes mean is the scheduler's.
#pragma once

#include <optional>
#include <string_view>

namespace holdfast {

enum class Priority { kLow, kNormal, kHigh };

// "low", "normal" or "high".
std::string_view priority_name(Priority priority);
std::optional<Priority> find_priority(std::string_view name);

}  // namespace holdfast
