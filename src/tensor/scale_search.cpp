#include "tensor/scale_search.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace holdfast::codec {
namespace {

constexpr int kLanes = 8;  // partial sums, so that the loops vectorize with a fixed order
using Lanes = std::array<float, kLanes>;

float total(const Lanes& lanes) {
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
         ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

// Weighted sums over q: of q, q^2 and q x.
struct Sums {
  float q = 0.0f, qq = 0.0f, qx = 0.0f;
};

// With q = clamp(round((x - offset) * inverse), low, high).
Sums sum_rounded(const float* x, const float* w, int n, float inverse, float offset, float low,
                 float high) {
  Lanes q_sum{}, qq_sum{}, qx_sum{};
  for (int i = 0; i < n; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) {
      const float value = x[i + l];
      float q = round_nearest((value - offset) * inverse);
      q = q < low ? low : q;
      q = q > high ? high : q;
      const float wq = w[i + l] * q;
      q_sum[static_cast<std::size_t>(l)] += wq;
      qq_sum[static_cast<std::size_t>(l)] += wq * q;
      qx_sum[static_cast<std::size_t>(l)] += wq * value;
    }
  }
  return {total(q_sum), total(qq_sum), total(qx_sum)};
}

// A straight line through (q, x) and how much of the weighted sum of squares it leaves unexplained,
// less a constant (the sum of w x^2).
struct Line {
  double scale = 0.0, offset = 0.0, error = 0.0;
};

Line fit_line(const Sums& sums, double w_sum, double wx_sum, bool offset_below_zero) {
  const double q = sums.q, qq = sums.qq, qx = sums.qx;
  const double determinant = w_sum * qq - q * q;
  Line line;
  if (determinant > 0.0) {
    line.scale = (w_sum * qx - wx_sum * q) / determinant;
    line.offset = (qq * wx_sum - q * qx) / determinant;
    line.error = -line.scale * qx - line.offset * wx_sum;
  }
  if (determinant <= 0.0 || (offset_below_zero && line.offset > 0.0)) {
    line.offset = 0.0;
    line.scale = qq > 0.0 ? qx / qq : 0.0;
    line.error = -line.scale * qx;
  }
  return line;
}

Line search_line(const float* x, const float* w, int n, int levels, bool offset_below_zero) {
  float low = x[0], high = x[0];
  Lanes w_lanes{}, wx_lanes{};
  for (int i = 0; i < n; ++i) {
    low = std::min(low, x[i]);
    high = std::max(high, x[i]);
    w_lanes[static_cast<std::size_t>(i % kLanes)] += w[i];
    wx_lanes[static_cast<std::size_t>(i % kLanes)] += w[i] * x[i];
  }
  if (offset_below_zero) low = std::min(low, 0.0f);
  const double w_sum = total(w_lanes), wx_sum = total(wx_lanes);
  Line best;
  best.offset = low;
  const float range = high - low;
  if (!(range > 0.0f) || !std::isfinite(range / static_cast<float>(levels)) ||
      !std::isfinite(static_cast<float>(levels) / range))
    return best;
  const auto top = static_cast<float>(levels);
  best.scale = range / top;
  best.error = HUGE_VAL;
  // Fewer levels than there are stretch the range less than it needs and clip; more leave room.
  const float first = levels <= 3 ? -0.5f : -1.0f;
  for (int step = 0; step <= 20; ++step) {
    const float inverse = (top + first + 0.1f * static_cast<float>(step)) / range;
    const Line line =
        fit_line(sum_rounded(x, w, n, inverse, low, 0.0f, top), w_sum, wx_sum, offset_below_zero);
    if (line.error < best.error && line.scale > 0.0) best = line;
  }
  // With the fitted line the values round anew, perhaps better.
  for (int step = 0; step < 4; ++step) {
    const auto inverse = static_cast<float>(1.0 / best.scale);
    const Line line =
        fit_line(sum_rounded(x, w, n, inverse, static_cast<float>(best.offset), 0.0f, top), w_sum,
                 wx_sum, offset_below_zero);
    if (!(line.error < best.error) || line.scale <= 0.0) break;
    best = line;
  }
  return best;
}

}  // namespace

AffineFit fit_affine(const float* x, const float* weights, int n, int levels) {
  const Line line = search_line(x, weights, n, levels, true);
  return {static_cast<float>(line.scale), static_cast<float>(-line.offset)};
}

OffsetFit fit_offset(const float* x, const float* weights, int n, int levels) {
  const Line line = search_line(x, weights, n, levels, false);
  return {static_cast<float>(line.scale), static_cast<float>(line.offset)};
}

float fit_symmetric(const float* x, const float* weights, int n, int levels) {
  float extreme = 0.0f;
  for (int i = 0; i < n; ++i) {
    if (std::fabs(x[i]) > std::fabs(extreme)) extreme = x[i];
  }
  const auto low = static_cast<float>(-levels), high = static_cast<float>(levels - 1);
  if (extreme == 0.0f || !std::isfinite(low / extreme)) return 0.0f;
  float best_scale = extreme / low;
  double best_gain = -1.0;
  // How far around the extreme to look: a level and a half either way, in tenths.
  for (int step = -15; step <= 15; ++step) {
    const float inverse = (low + 0.1f * static_cast<float>(step)) / extreme;
    const Sums sums = sum_rounded(x, weights, n, inverse, 0.0f, low, high);
    if (!(sums.qq > 0.0f)) continue;
    const double gain = static_cast<double>(sums.qx) * sums.qx / sums.qq;
    if (gain > best_gain) {
      best_gain = gain;
      best_scale = sums.qx / sums.qq;
    }
  }
  return best_scale;
}

float mean_square(const float* x, int n) {
  Lanes sums{};
  for (int i = 0; i < n; ++i) sums[static_cast<std::size_t>(i % kLanes)] += x[i] * x[i];
  return total(sums) / static_cast<float>(n);
}

void fit_weights(const float* x, const float* importance, int n, float mean_square,
                 float* weights) {
  const float rms = std::sqrt(mean_square);
  for (int i = 0; i < n; ++i) {
    weights[i] = importance != nullptr ? importance[i] * std::sqrt(mean_square + x[i] * x[i])
                                       : rms + std::fabs(x[i]);
  }
}

}  // namespace holdfast::codec
