// Notices when a text has begun to repeat itself and nothing else.
#pragma once

#include <cstdint>
#include <vector>

namespace holdfast {

// A loop: the last tokens are one cycle of p <= 1024 tokens over and over, at least 4 times and for
// at least 128 tokens, token by token the same. Models that fall into one hardly ever leave it;
// lists and tables, whose rows differ, are none.
class LoopDetector {
 public:
  static constexpr int32_t kLongestCycle = 1024, kTimes = 4, kLeastTokens = 128;

  // True: the tokens so far end in a loop. kLongestCycle comparisons.
  bool push(int32_t token);

 private:
  std::vector<int32_t> tokens_;
  std::vector<int32_t> same_;  // [p - 1]: so many of the last tokens equal those p before them
};

}  // namespace holdfast
