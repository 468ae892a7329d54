// Splits a reasoning model's text into its thinking and its answer.
#pragma once

#include <string>
#include <string_view>

namespace holdfast {

struct SplitText {
  std::string reasoning, content;
};

// A state machine over streamed text: "<think>R</think>C", also when the prompt already ended in
// "<think>" (starts_inside), when tags are cut across pieces, or when a tag never comes. What comes
// out, joined, depends on the whole text alone, never on how it was cut into pieces.
//
// - A model thinks once, at the start: a text that begins otherwise is all answer, and after the
//   first </think> everything is answer, tags included (an answer may talk about tags).
// - A tag that directly follows the opening one, or </think> as the very first thing (a model told
//   not to think), frames nothing and is dropped.
// - Whitespace that only frames the tags is dropped: around <think>, before and after </think>.
//   So it is held back, as is the beginning of what may become a tag, until more text comes or
//   finish() is called.
class ThinkingSplitter {
 public:
  explicit ThinkingSplitter(bool starts_inside);
  SplitText push(std::string_view text);
  // The end: thinking that never closed stays thinking; what was held back comes out.
  SplitText finish();
  bool inside() const { return state_ == State::kOpened || state_ == State::kInside; }
  // All that comes is answer.
  bool over() const { return state_ == State::kAfterTag || state_ == State::kAnswer; }

 private:
  // kOpened: inside, and nothing but whitespace so far.
  enum class State { kBefore, kOpened, kInside, kAfterTag, kAnswer };
  State state_;
  std::string held_;
};

}  // namespace holdfast
