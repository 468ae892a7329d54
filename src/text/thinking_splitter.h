// Splits a reasoning model's text into its thinking and its answer.
#pragma once

#include <string>
#include <string_view>

namespace holdfast {

struct SplitText {
  std::string reasoning, content;
};

// A state machine over streamed text: "<think>R</think>C", also when the prompt already ended in
// "<think>" (starts_inside), when tags are cut across pieces, or when a tag never comes. Whitespace
// that only frames the tags is dropped: after <think>, before and after </think>.
class ThinkingSplitter {
 public:
  explicit ThinkingSplitter(bool starts_inside);
  SplitText push(std::string_view text);
  SplitText finish();
  bool inside() const { return state_ == State::kInside; }

 private:
  enum class State { kBefore, kInside, kAfterTag, kAnswer };
  State state_;
  std::string held_;
};

}  // namespace holdfast
