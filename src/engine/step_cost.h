// How long a step takes, learnt from steps that were measured:
//
//   seconds = step + row * rows + attended * (cached positions that all rows together look at)
//
// The line is fitted by least squares of relative errors, with no coefficient below 0, over one
// point for each power of two of rows: what was measured there lately, on average. So hours of
// decoding do not wash out what is known of long prompts. It decides only how much rides in a step,
// never what comes out of it.
#pragma once

#include <array>
#include <cstdint>

namespace holdfast {

// Not thread-safe.
class StepCost {
 public:
  void learn(int64_t rows, int64_t attended, double seconds);
  bool known() const { return points_seen_ > 0; }
  double predict(double rows, double attended) const {
    return step_ + row_ * rows + attended_ * attended;
  }
  // How many further rows of one sequence, which has `cached` positions before them, cost about
  // `seconds`: they look at cached, cached + 1, ... positions.
  int64_t rows_within(double seconds, int64_t cached) const;

  double step() const { return step_; }
  double row() const { return row_; }
  double attended() const { return attended_; }

 private:
  struct Point {
    double rows = 0, attended = 0, seconds = 0;
    bool seen = false;
  };
  void fit();

  std::array<Point, 16> points_;  // [log2 of rows]
  int32_t points_seen_ = 0;
  double step_ = 0, row_ = 0, attended_ = 0;
};

}  // namespace holdfast
