// How log lines look: text for people, or one JSON object a line for machines.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "base/log.h"

namespace holdfast {

enum class LogFormat { kText, kJson };

// Of the default logger, after init_log. JSON: {"time", "level", "message"}.
void set_log_format(LogFormat format);

struct LogField {
  std::string_view name;
  std::variant<std::string_view, int64_t> value;
};
// An event with parts: `text` in the text format, the fields beside "time", "level" and "message"
// (`name`) in JSON.
void log_event(std::string_view name, std::string_view text, const std::vector<LogField>& fields);

}  // namespace holdfast
