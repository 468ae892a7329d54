// Finds stop strings in streamed text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

// Gives out text that can no longer be part of a stop string; the first stop string to be complete
// ends it (the longest, when several end at one byte), and neither it nor anything behind it comes
// out. The result does not depend on how the text is cut. Linear time (Knuth, Morris, Pratt).
class StopMatcher {
 public:
  // None may be empty. Valid UTF-8, so that no cut falls inside a character.
  explicit StopMatcher(const std::vector<std::string>& stops);

  std::string push(std::string_view text);
  // The end of the text: what was held back.
  std::string finish();
  bool matched() const { return !found_.empty(); }
  const std::string& found() const { return found_; }  // which; empty: none so far

 private:
  struct Pattern {
    std::string text;
    std::vector<int32_t> failure;  // [i]: longest proper border of the first i + 1 bytes
    int32_t length = 0;            // of it, matched by the last bytes seen
  };

  std::vector<Pattern> patterns_;
  std::string held_;
  std::string found_;
};

}  // namespace holdfast
