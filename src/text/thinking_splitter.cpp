#include "text/thinking_splitter.h"

#include <algorithm>

namespace holdfast {
namespace {

constexpr std::string_view kOpen = "<think>";
constexpr std::string_view kClose = "</think>";
constexpr std::string_view kSpace = " \t\n\v\f\r";

size_t skip_space(std::string_view text, size_t at) {
  return std::min(text.find_first_not_of(kSpace, at), text.size());
}

std::string_view without_trailing_space(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

// More text could still make `text` begin with `tag`.
bool may_become(std::string_view text, std::string_view tag) {
  return text.size() < tag.size() && tag.starts_with(text);
}

// The length of the longest end of `text` that begins `tag`.
size_t tag_begun(std::string_view text, std::string_view tag) {
  for (size_t n = std::min(text.size(), tag.size() - 1); n > 0; --n) {
    if (text.ends_with(tag.substr(0, n))) return n;
  }
  return 0;
}

}  // namespace

ThinkingSplitter::ThinkingSplitter(bool starts_inside)
    : state_(starts_inside ? State::kOpened : State::kBefore) {}

SplitText ThinkingSplitter::push(std::string_view text) {
  SplitText out;
  held_ += text;
  const std::string_view held = held_;
  size_t at = 0;  // what lies before is out, or dropped
  while (at < held.size()) {
    if (state_ == State::kBefore || state_ == State::kOpened) {
      const size_t begin = skip_space(held, at);
      const std::string_view rest = held.substr(begin);
      if (rest.starts_with(kOpen)) {
        state_ = State::kOpened;
        at = begin + kOpen.size();
      } else if (rest.starts_with(kClose)) {
        state_ = State::kAfterTag;
        at = begin + kClose.size();
      } else if (may_become(rest, kOpen) || may_become(rest, kClose)) {
        break;
      } else if (state_ == State::kOpened) {
        state_ = State::kInside;
        at = begin;
      } else {
        state_ = State::kAnswer;  // from `at`: no tag, so its leading whitespace frames nothing
      }
    } else if (state_ == State::kInside) {
      const std::string_view rest = held.substr(at);
      const size_t close = rest.find(kClose);
      if (close != std::string_view::npos) {
        out.reasoning += without_trailing_space(rest.substr(0, close));
        state_ = State::kAfterTag;
        at += close + kClose.size();
      } else {
        const size_t known = rest.size() - tag_begun(rest, kClose);
        const std::string_view ready = without_trailing_space(rest.substr(0, known));
        out.reasoning += ready;
        at += ready.size();
        break;
      }
    } else if (state_ == State::kAfterTag) {
      at = skip_space(held, at);
      if (at < held.size()) state_ = State::kAnswer;
    } else {
      out.content += held.substr(at);
      at = held.size();
    }
  }
  held_.erase(0, at);
  return out;
}

SplitText ThinkingSplitter::finish() {
  SplitText out;
  (inside() ? out.reasoning : out.content) = std::move(held_);
  held_.clear();
  return out;
}

}  // namespace holdfast
