// An answer as it comes, for people: thinking dimmed, then the answer.
#pragma once

#include <string>
#include <string_view>

#include "engine/served_model.h"

namespace holdfast::cli {

class AnswerPrinter {
 public:
  struct Style {
    bool watched = false;        // by a person: show the thinking
    bool colours = false;        // the terminal understands escape sequences: dim it
    bool hide_thinking = false;  // only show that it goes on
  };
  explicit AnswerPrinter(Style style) : style_(style) {}

  void print(const TextEvent& event);
  // Ends what was begun: the colour, and the line.
  void finish();

 private:
  enum class Part { kNone, kThinking, kAnswer };
  void put(std::string_view text);
  void begin_thinking();
  void end_thinking();

  const Style style_;
  Part part_ = Part::kNone;
  bool at_line_start_ = true;
};

}  // namespace holdfast::cli
