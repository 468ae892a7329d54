#include "engine/exp_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace holdfast {

namespace {

constexpr size_t kLanes = 16;  // independent chains: enough for two vectors of any width we meet

// exp(x) for x in [-80, 0]. x = n ln 2 + r with |r| <= ln(2) / 2; the Taylor polynomial of degree 6
// leaves r^7 / 7! < 1.2e-7, a rounding of float. Adding 1.5 * 2^23 rounds n to an integer and
// leaves it in the low bits.
inline float exp_float(float x) {
  constexpr float kLog2e = 1.44269504f, kMagic = 12582912.0f;
  constexpr float kLn2High = 0.693145752f, kLn2Low = 1.42860677e-6f;
  const float shifted = x * kLog2e + kMagic;
  const float n = shifted - kMagic;
  const float r = (x - n * kLn2High) - n * kLn2Low;
  float p = 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const uint32_t exponent = (std::bit_cast<uint32_t>(shifted) + 127u) << 23;
  return p * std::bit_cast<float>(exponent);
}

inline float exp_or_zero(float x, float max, float inverse_temperature) {
  const float argument = (x - max) * inverse_temperature;
  const float inside = argument > -80.0f ? argument : -80.0f;  // NaN too
  const float e = exp_float(inside);
  return argument > -80.0f ? e : 0.0f;
}

}  // namespace

float max_of(std::span<const float> x) {
  float lanes[kLanes];
  std::fill(lanes, lanes + kLanes, -std::numeric_limits<float>::infinity());
  size_t i = 0;
  for (; i + kLanes <= x.size(); i += kLanes) {
    for (size_t j = 0; j < kLanes; ++j) lanes[j] = x[i + j] > lanes[j] ? x[i + j] : lanes[j];
  }
  for (; i < x.size(); ++i) lanes[0] = x[i] > lanes[0] ? x[i] : lanes[0];
  return *std::max_element(lanes, lanes + kLanes);
}

double exp_weights(std::span<const float> x, float max, float inverse_temperature,
                   std::span<float> weights) {
  // Sums of 16 * 64 floats, then double: the rounding of the sum stays below that of a term.
  constexpr size_t kBlock = kLanes * 64;
  double sum = 0;
  size_t i = 0;
  while (i + kLanes <= x.size()) {
    const size_t end = std::min(x.size() / kLanes * kLanes, i + kBlock);
    float lanes[kLanes] = {};
    for (; i < end; i += kLanes) {
      for (size_t j = 0; j < kLanes; ++j) {
        const float e = exp_or_zero(x[i + j], max, inverse_temperature);
        weights[i + j] = e;
        lanes[j] += e;
      }
    }
    for (const float lane : lanes) sum += lane;
  }
  for (; i < x.size(); ++i) {
    weights[i] = exp_or_zero(x[i], max, inverse_temperature);
    sum += weights[i];
  }
  return sum;
}

double log_sum_exp(std::span<const float> x, float max) {
  double sum = 0;
  for (const float value : x) {
    const double argument = static_cast<double>(value) - max;
    if (argument > -50.0) sum += std::exp(argument);  // the rest is below 2^-72 of the sum each
  }
  return std::log(sum);
}

}  // namespace holdfast
