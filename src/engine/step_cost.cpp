#include "engine/step_cost.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace holdfast {

namespace {

constexpr double kNew = 0.1;      // share of a new measurement in its point
constexpr double kOutlier = 4.0;  // times what was expected: more is somebody else's doing
constexpr int kTerms = 3;

using Vector = std::array<double, kTerms>;
using Matrix = std::array<Vector, kTerms>;

// Solves m x = v over the terms in `used`, the others being 0. m is symmetric and, through its
// diagonal, regular.
Vector solve(const Matrix& m, const Vector& v, const std::array<bool, kTerms>& used) {
  Matrix a = m;
  Vector x = v;
  for (int i = 0; i < kTerms; ++i) {
    if (used[i]) continue;
    for (int j = 0; j < kTerms; ++j) a[i][j] = a[j][i] = 0.0;
    a[i][i] = 1.0;
    x[i] = 0.0;
  }
  for (int i = 0; i < kTerms; ++i) {
    for (int j = i + 1; j < kTerms; ++j) {
      const double factor = a[j][i] / a[i][i];
      for (int k = i; k < kTerms; ++k) a[j][k] -= factor * a[i][k];
      x[j] -= factor * x[i];
    }
  }
  for (int i = kTerms - 1; i >= 0; --i) {
    for (int k = i + 1; k < kTerms; ++k) x[i] -= a[i][k] * x[k];
    x[i] /= a[i][i];
  }
  return x;
}

}  // namespace

void StepCost::learn(int64_t rows, int64_t attended, double seconds) {
  if (rows <= 0 || !(seconds > 0)) return;
  const auto index =
      std::min<size_t>(points_.size() - 1, std::bit_width(static_cast<uint64_t>(rows)) - 1);
  Point& point = points_[index];
  const auto r = static_cast<double>(rows), a = static_cast<double>(attended);
  if (!point.seen) {
    point = {r, a, seconds, true};
    ++points_seen_;
  } else {
    // A machine that stood still for a moment says nothing about the next step; one that has become
    // slower is believed little by little.
    const double expected =
        point.seconds * std::max({1.0, r / point.rows, a / std::max(1.0, point.attended)});
    seconds = std::min(seconds, kOutlier * expected);
    point.rows += kNew * (r - point.rows);
    point.attended += kNew * (a - point.attended);
    point.seconds += kNew * (seconds - point.seconds);
  }
  fit();
}

void StepCost::fit() {
  // Terms are scaled to the largest point, so that ridges compare.
  Vector scale = {1.0, 1.0, 1.0};
  for (const Point& p : points_) {
    if (!p.seen) continue;
    scale[1] = std::max(scale[1], p.rows);
    scale[2] = std::max(scale[2], p.attended);
  }
  Matrix m{};
  Vector v{};
  double largest = 0.0;
  for (const Point& p : points_) {
    if (!p.seen) continue;
    const Vector term = {1.0 / p.seconds, p.rows / scale[1] / p.seconds,
                         p.attended / scale[2] / p.seconds};
    for (int i = 0; i < kTerms; ++i) {
      for (int j = 0; j < kTerms; ++j) m[i][j] += term[i] * term[j];
      v[i] += term[i];
      largest = std::max(largest, m[i][i]);
    }
  }
  // Where rows and what they look at went together, the rows are held to be the reason.
  constexpr Vector kRidge = {1e-9, 1e-9, 1e-4};
  for (int i = 0; i < kTerms; ++i) m[i][i] += kRidge[i] * largest;
  // Without the most negative term, again, until none is.
  std::array<bool, kTerms> used = {true, true, true};
  Vector x{};
  for (int round = 0; round < kTerms; ++round) {
    x = solve(m, v, used);
    const auto worst = std::min_element(x.begin(), x.end());
    if (*worst >= 0) break;
    used[static_cast<size_t>(worst - x.begin())] = false;
    *worst = 0.0;
  }
  step_ = std::max(0.0, x[0]);
  row_ = std::max(0.0, x[1] / scale[1]);
  attended_ = std::max(0.0, x[2] / scale[2]);
}

int64_t StepCost::rows_within(double seconds, int64_t cached) const {
  if (seconds <= 0) return 0;
  // n rows cost n * linear + n^2 / 2 * attended.
  const double linear = row_ + attended_ * (static_cast<double>(cached) + 1.0);
  constexpr double kMany = 1e9;
  double rows = kMany;
  if (attended_ > 0) {
    rows = (std::sqrt(linear * linear + 2.0 * attended_ * seconds) - linear) / attended_;
  } else if (linear > 0) {
    rows = seconds / linear;
  }
  return static_cast<int64_t>(std::min(rows, kMany));
}

}  // namespace holdfast
