// Finds marks such as <tool_call> in text that comes byte by byte.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast {

// Holds back what may become a mark, and the white space before it, which belongs to the mark when
// it does.
class MarkFinder {
 public:
  // None is empty or holds white space in front; none begins another.
  explicit MarkFinder(std::vector<std::string> marks) : marks_(std::move(marks)) {}

  // The mark that ends with this byte, or -1. What cannot be part of one goes to `out`.
  int put(char c, std::string& out) {
    held_ += c;
    while (true) {
      const size_t begin = held_.find_first_not_of(" \t\r\n");
      if (begin == std::string::npos) return -1;
      const std::string_view rest = std::string_view(held_).substr(begin);
      bool begun = false;
      for (size_t i = 0; i < marks_.size(); ++i) {
        if (rest == marks_[i]) {
          held_.clear();
          return static_cast<int>(i);
        }
        begun |= marks_[i].starts_with(rest);
      }
      if (begun) return -1;
      out.append(held_, 0, begin + 1);
      held_.erase(0, begin + 1);
    }
  }
  // What is held back now.
  std::string take() { return std::exchange(held_, {}); }

 private:
  std::vector<std::string> marks_;
  std::string held_;
};

}  // namespace holdfast
