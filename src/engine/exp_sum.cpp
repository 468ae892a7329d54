#include "engine/exp_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace holdfast {

namespace {

// Smaller arguments count as this: no branch, and nothing in a sum.
constexpr float kLeast = -80.0f;

constexpr size_t kBlock = 1024;
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

inline float exp_above(float x, float max, float inverse_temperature) {
  const float argument = (x - max) * inverse_temperature;
  return exp_float(argument > kLeast ? argument : kLeast);  // NaN too
}

// exp(x - max) as exp_float, with degree 12: r^13 / 13! < 2e-16.
inline double exp_double(float x, float max) {
  constexpr double kLog2e = 1.4426950408889634, kMagic = 6755399441055744.0;  // 1.5 * 2^52
  constexpr double kLn2High = 0.693147180369123816490, kLn2Low = 1.90821492927058770002e-10;
  const double argument = static_cast<double>(x) - static_cast<double>(max);
  const double inside = argument > kLeast ? argument : kLeast;
  const double shifted = inside * kLog2e + kMagic;
  const double n = shifted - kMagic;
  const double r = (inside - n * kLn2High) - n * kLn2Low;
  double p = 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  const uint64_t exponent = (std::bit_cast<uint64_t>(shifted) + 1023u) << 52;
  return p * std::bit_cast<double>(exponent);
}

// Sums of 64 values of T in each lane, then double: the rounding of the sum stays below a term's.
template <class T>
double sum_of(std::span<const T> x) {
  double sum = 0;
  for (size_t begin = 0; begin < x.size(); begin += kBlock) {
    const size_t end = std::min(x.size(), begin + kBlock);
    T lanes[kLanes] = {};
    size_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
      for (size_t j = 0; j < kLanes; ++j) lanes[j] += x[i + j];
    }
    for (; i < end; ++i) lanes[0] += x[i];
    for (const T lane : lanes) sum += lane;
  }
  return sum;
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
  const float* in = x.data();
  float* out = weights.data();
  for (size_t i = 0; i < x.size(); ++i) out[i] = exp_above(in[i], max, inverse_temperature);
  return sum_of(std::span<const float>(out, x.size()));
}

double log_sum_exp(std::span<const float> x, float max) {
  double block[kBlock];
  double sum = 0;
  for (size_t begin = 0; begin < x.size(); begin += kBlock) {
    const size_t count = std::min(kBlock, x.size() - begin);
    const float* in = x.data() + begin;
    for (size_t i = 0; i < count; ++i) block[i] = exp_double(in[i], max);
    sum += sum_of(std::span<const double>(block, count));
  }
  return std::log(sum);
}

}  // namespace holdfast
