#include "engine/thinking_guard.h"

#include "base/check.h"

namespace holdfast {

std::string_view thinking_end_name(ThinkingEnd end) {
  switch (end) {
    case ThinkingEnd::kBudget:
      return "budget";
    case ThinkingEnd::kLoop:
      return "loop";
    case ThinkingEnd::kOwn:
      break;
  }
  return "stop";
}

ThinkingGuard::ThinkingGuard(const ThinkingLimits& limits)
    : limits_(limits), watching_(limits.any()), splitter_(limits.starts_inside) {
  if (!watching_) return;
  CHECK(limits.piece && !limits.close.empty()) << "limits on thinking without a way to end it";
  if (limits.starts_inside && limits.budget == 0) close(ThinkingEnd::kBudget);
}

void ThinkingGuard::close(ThinkingEnd end) {
  end_ = end;
  forced_.assign(limits_.close.begin(), limits_.close.end());
  watching_ = false;
}

std::optional<int32_t> ThinkingGuard::forced() const {
  if (forced_.empty()) return std::nullopt;
  return forced_.front();
}

void ThinkingGuard::stop() {
  forced_.clear();
  watching_ = false;
}

void ThinkingGuard::accept(int32_t token) {
  if (!forced_.empty()) {
    CHECK(token == forced_.front()) << "another token than the one that was due";
    forced_.pop_front();
    return;
  }
  if (!watching_) return;
  const bool before = splitter_.inside();
  splitter_.push(limits_.piece(token));
  if (before || splitter_.inside()) ++tokens_;
  if (splitter_.over()) {
    watching_ = false;
  } else if (splitter_.inside()) {
    if (limits_.budget >= 0 && tokens_ >= limits_.budget) {
      close(ThinkingEnd::kBudget);
    } else if (limits_.stop_loops && before && loops_.push(token)) {
      close(ThinkingEnd::kLoop);
    }
  }
}

}  // namespace holdfast
