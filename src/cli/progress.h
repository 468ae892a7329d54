// One line on the terminal that tells how far a long task is. Nothing is shown elsewhere.
#pragma once

#include <string>

namespace holdfast::cli {

class ProgressLine {
 public:
  explicit ProgressLine(std::string label);
  ~ProgressLine();  // wipes the line
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(double share, const std::string& detail = {});  // share: 0 to 1

 private:
  const std::string label_;
  const bool terminal_;
  std::string shown_;
};

}  // namespace holdfast::cli
