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
  if (!event.reasoning.empty() && style_.watched) {
    if (part_ == Part::kNone) begin_thinking();
    if (!style_.hide_thinking) put(event.reasoning);
  }
  if (!event.content.empty()) {
    if (part_ == Part::kThinking) {
      end_thinking();
      if (!style_.hide_thinking) write(at_line_start_ ? "\n" : "\n\n");
    }
    part_ = Part::kAnswer;
    put(event.content);
  }
  std::fflush(stdout);
}

void AnswerPrinter::begin_thinking() {
  part_ = Part::kThinking;
  if (style_.colours) write(kDim);
  if (style_.colours && style_.hide_thinking) write("thinking...");
}

void AnswerPrinter::end_thinking() {
  if (style_.colours && style_.hide_thinking) write(kWipeLine);
  if (style_.colours) write(kPlain);
}

void AnswerPrinter::finish() {
  if (part_ == Part::kThinking) end_thinking();
  if (!at_line_start_) write("\n");
  std::fflush(stdout);
}

}  // namespace holdfast::cli
