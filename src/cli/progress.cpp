#include "cli/progress.h"

#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

namespace holdfast::cli {

ProgressLine::ProgressLine(std::string label)
    : label_(std::move(label)), terminal_(isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
  if (!shown_.empty()) std::fputs("\r\033[K", stderr);
}

void ProgressLine::show(double share, const std::string& detail) {
  if (!terminal_) return;
  std::string line =
      fmt::format("{} {:3.0f}%{}{}", label_, 100.0 * share, detail.empty() ? "" : "  ", detail);
  if (line == shown_) return;
  shown_ = std::move(line);
  std::fprintf(stderr, "\r\033[K%s", shown_.c_str());
  std::fflush(stderr);
}

}  // namespace holdfast::cli
