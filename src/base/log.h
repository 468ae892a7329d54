// Logging: spdlog to stderr. Prompts, answers and secrets never go in.
#pragma once

#include <string_view>

#include <spdlog/spdlog.h>

namespace holdfast {

// Sends the default logger to stderr at `level` ("debug", "info", "warn", "error"). Call once, from
// main.
void init_log(std::string_view level);

}  // namespace holdfast
