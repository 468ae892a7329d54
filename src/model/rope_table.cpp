#include "model/rope_table.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/check.h"

namespace holdfast {
namespace {

constexpr double kTwoPi = 2.0 * std::numbers::pi;

// Llama 3.1: long waves are divided by the factor, short ones stay, those between are blended.
double llama3_frequency(double frequency, const RopeConfig& config) {
  const double wave = kTwoPi / frequency;
  const double context = config.original_context;
  const double low = config.low_freq_factor, high = config.high_freq_factor;
  if (wave < context / high) return frequency;
  if (wave > context / low) return frequency / config.factor;
  const double smooth = (context / wave - low) / (high - low);
  return (1.0 - smooth) * frequency / config.factor + smooth * frequency;
}

// The pair (as a real number) whose wave turns `rotations` times in the original context.
double correction_pair(double rotations, const RopeConfig& config) {
  return config.dim * std::log(config.original_context / (rotations * kTwoPi)) /
         (2.0 * std::log(static_cast<double>(config.theta)));
}

// YaRN: a ramp over the pairs from "as trained" (fast waves) to "divided by the factor" (slow
// ones).
class YarnRamp {
 public:
  explicit YarnRamp(const RopeConfig& config)
      : low_(std::max(std::floor(correction_pair(config.beta_fast, config)), 0.0)),
        high_(std::min(std::ceil(correction_pair(config.beta_slow, config)), config.dim - 1.0)),
        factor_(config.factor) {
    if (high_ == low_) high_ += 0.001;  // as the reference does, against a division by 0
  }

  double operator()(double frequency, int pair) const {
    const double ramp = std::clamp((pair - low_) / (high_ - low_), 0.0, 1.0);
    return frequency / factor_ * ramp + frequency * (1.0 - ramp);
  }

 private:
  double low_, high_, factor_;
};

double yarn_magnitude(const RopeConfig& config) {
  if (config.attention_factor) return *config.attention_factor;
  if (config.mscale != 0.0f && config.mscale_all_dim != 0.0f) {
    return yarn_mscale(config.factor, config.mscale) /
           yarn_mscale(config.factor, config.mscale_all_dim);
  }
  return yarn_mscale(config.factor, 1.0);
}

}  // namespace

double yarn_mscale(double factor, double mscale) {
  return factor <= 1.0 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

float mla_softmax_scale(const MlaConfig& mla, const RopeConfig& rope) {
  double scale = 1.0 / std::sqrt(static_cast<double>(mla.nope_dim + mla.rope_dim));
  if (rope.scaling != RopeScaling::kNone && rope.mscale_all_dim != 0.0f) {
    const double mscale = yarn_mscale(rope.factor, rope.mscale_all_dim);
    scale *= mscale * mscale;
  }
  return static_cast<float>(scale);
}

RopeTable make_rope_table(const RopeConfig& config) {
  CHECK(config.dim > 0 && config.dim % 2 == 0) << "rotary dimensions " << config.dim;
  const int pairs = config.dim / 2;
  CHECK(config.freq_divisors.empty() || std::ssize(config.freq_divisors) == pairs)
      << config.freq_divisors.size() << " frequency divisors for " << pairs << " pairs";

  RopeTable table;
  table.interleaved = config.style == RopeStyle::kInterleaved;
  table.dim = config.dim;
  table.inverse_frequencies.resize(static_cast<std::size_t>(pairs));
  if (config.scaling == RopeScaling::kYarn) {
    table.magnitude = static_cast<float>(yarn_magnitude(config));
  }
  for (int i = 0; i < pairs; ++i) {
    double frequency = std::pow(static_cast<double>(config.theta), -2.0 * i / config.dim);
    if (!config.freq_divisors.empty()) {
      frequency /= config.freq_divisors[static_cast<std::size_t>(i)];
    }
    switch (config.scaling) {
      case RopeScaling::kNone:
        break;
      case RopeScaling::kLinear:
        frequency /= config.factor;
        break;
      case RopeScaling::kYarn:
        frequency = YarnRamp(config)(frequency, i);
        break;
      case RopeScaling::kLlama3:
        frequency = llama3_frequency(frequency, config);
        break;
    }
    table.inverse_frequencies[static_cast<std::size_t>(i)] = static_cast<float>(frequency);
  }
  return table;
}

}  // namespace holdfast
