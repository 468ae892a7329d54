#include "text/byte_automaton.h"

#include <deque>

#include "base/check.h"

namespace holdfast {

ByteAutomaton::ByteAutomaton(std::span<const std::string> patterns) {
  size_t bytes = 0;
  for (const std::string& pattern : patterns) {
    CHECK(!pattern.empty()) << "an empty pattern";
    bytes += pattern.size();
  }
  CHECK(bytes <= kMaxBytes) << bytes << " bytes of patterns";

  // The tree of all beginnings; 0, the root, stands for "no such child".
  next_.assign(256, 0);
  accepts_.assign(1, 0);
  for (const std::string& pattern : patterns) {
    State state = kStart;
    for (const char c : pattern) {
      const size_t edge = size_t{state} * 256 + static_cast<unsigned char>(c);
      if (next_[edge] == 0) {
        next_[edge] = static_cast<State>(accepts_.size());
        accepts_.push_back(0);
        next_.resize(next_.size() + 256, 0);
      }
      state = next_[edge];
    }
    accepts_[state] = 1;
  }

  // In order of depth, so that the longest proper ending of a state is complete before it.
  std::vector<State> ending(accepts_.size(), kStart);
  std::deque<State> queue;
  for (size_t byte = 0; byte < 256; ++byte) {
    if (next_[byte] != 0) queue.push_back(next_[byte]);
  }
  while (!queue.empty()) {
    const State state = queue.front();
    queue.pop_front();
    accepts_[state] |= accepts_[ending[state]];
    for (size_t byte = 0; byte < 256; ++byte) {
      State& child = next_[size_t{state} * 256 + byte];
      const State other = next_[size_t{ending[state]} * 256 + byte];
      if (child == 0) {
        child = other;
      } else {
        ending[child] = other;
        queue.push_back(child);
      }
    }
  }
}

}  // namespace holdfast
