#include "cli/answer_printer.h"

#include <cstdio>

namespace holdfast::cli {

namespace {

constexpr std::string_view kDim = "\033[2m", kPlain = "\033[0m", kWipeLine = "\r\033[K";

void write(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace

void AnswerPrinter::put(std::string_view text) {
  if (text.empty()) return;
  write(text);
  at_line_start_ = text.back() == '\n';
}

void AnswerPrinter::print(const TextEvent& event) {
  // Thinking is for somebody who watches; a pipe gets the answer alone.
  if (!event.reasoning.empty() && style_.terminal) {
    if (part_ == Part::kNone) {
      part_ = Part::kThinking;
      write(kDim);
      if (style_.hide_thinking) write("thinking...");
    }
    if (!style_.hide_thinking) put(event.reasoning);
  }
  if (!event.content.empty()) {
    if (part_ == Part::kThinking) {
      write(style_.hide_thinking ? kWipeLine : at_line_start_ ? "\n" : "\n\n");
      write(kPlain);
    }
    part_ = Part::kAnswer;
    put(event.content);
  }
  std::fflush(stdout);
}

void AnswerPrinter::finish() {
  if (part_ == Part::kThinking) {
    if (style_.hide_thinking) write(kWipeLine);
    write(kPlain);
  }
  if (!at_line_start_) write("\n");
  std::fflush(stdout);
}

}  // namespace holdfast::cli
