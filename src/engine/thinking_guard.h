// Ends a model's thinking from outside: when its budget is spent, or when it goes round in circles.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/loop_detector.h"
#include "text/thinking_splitter.h"

namespace holdfast {

struct ThinkingLimits {
  bool starts_inside = false;  // the prompt ended in an open <think>
  int32_t budget = -1;         // tokens of thinking, its opening tag included; -1: no limit
  bool stop_loops = false;
  std::vector<int32_t> close;                 // what is said to end it; counts as thinking too
  std::function<std::string(int32_t)> piece;  // the bytes of a token; thread-safe

  bool any() const { return budget >= 0 || stop_loops; }
};

// How thinking ended.
enum class ThinkingEnd {
  kOwn,     // by the model's own word, or there was none
  kBudget,  // the budget was spent
  kLoop,    // it repeated itself (loop_detector.h)
};
// "stop", "budget" or "loop".
std::string_view thinking_end_name(ThinkingEnd end);

// State of one sequence; a function of the tokens accepted so far. Forced tokens go the way of all
// others: through the model, into its cache, with their logprobs.
class ThinkingGuard {
 public:
  explicit ThinkingGuard(const ThinkingLimits& limits);

  // The token that comes next whatever the model says; nothing: the model decides.
  std::optional<int32_t> forced() const;
  void accept(int32_t token);
  // The thinking is over, whatever was still to be said to end it.
  void stop();
  ThinkingEnd end() const { return end_; }

 private:
  void close(ThinkingEnd end);

  ThinkingLimits limits_;
  bool watching_;
  ThinkingSplitter splitter_;
  LoopDetector loops_;
  std::deque<int32_t> forced_;
  int32_t tokens_ = 0;  // of thinking
  ThinkingEnd end_ = ThinkingEnd::kOwn;
};

}  // namespace holdfast
