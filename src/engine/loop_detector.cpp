#include "engine/loop_detector.h"

#include <algorithm>

namespace holdfast {

bool LoopDetector::push(int32_t token) {
  const auto cycles = std::min<size_t>(tokens_.size(), kLongestCycle);
  same_.resize(cycles, 0);
  const int32_t* end = tokens_.data() + tokens_.size();
  bool loop = false;
  for (size_t p = 1; p <= cycles; ++p) {
    int32_t& same = same_[p - 1];
    same = *(end - p) == token ? same + 1 : 0;
    // The first time round is compared with nothing.
    const auto cycle = static_cast<int32_t>(p);
    loop |= same >= std::max(kLeastTokens, kTimes * cycle) - cycle;
  }
  tokens_.push_back(token);
  return loop;
}

}  // namespace holdfast
