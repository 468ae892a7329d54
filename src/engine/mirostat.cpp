#include "engine/mirostat.h"

#include <algorithm>
#include <cmath>

#include "engine/exp_sum.h"

namespace holdfast {

namespace {

constexpr size_t kLikeliest = 100;  // m of the paper

}  // namespace

Mirostat::Mirostat(int32_t version, float tau, float eta)
    : version_(version), tau_(tau), eta_(eta), mu_(2.0 * double{tau}) {}

// s = sum t_i b_i / sum t_i^2 with t_i = log((i + 1) / i), b_i = log(p_i / p_(i+1)): Zipf's
// exponent. k = (e 2^mu / (1 - n^-e))^(1/s) with e = s - 1.
size_t Mirostat::zipf_count(std::span<const float> logits, float inverse_temperature,
                            Candidates& out) const {
  take_top_k(logits, kLikeliest + 1, out);
  double above = 0, below = 0;
  for (size_t i = 0; i + 1 < out.size() && std::isfinite(out[i + 1].logit); ++i) {
    const double t = std::log(static_cast<double>(i + 2) / static_cast<double>(i + 1));
    above += t * (double{out[i].logit} - double{out[i + 1].logit}) * double{inverse_temperature};
    below += t * t;
  }
  const auto n = static_cast<double>(logits.size());
  if (below == 0) return 1;
  const double s = std::max(above / below, 1e-6);
  const double e = s - 1;
  // Its limit where e vanishes.
  const double slope = std::abs(e) < 1e-9 ? 1 / std::log(n) : e / (1 - std::pow(n, -e));
  const double k = std::round(std::pow(slope * std::exp2(mu_), 1 / s));
  return k >= n ? logits.size() : k >= 1 ? static_cast<size_t>(k) : 1;
}

void Mirostat::candidates(std::span<const float> logits, std::span<const float> weights,
                          double total, float inverse_temperature, Candidates& out) const {
  double least = 0;
  if (version_ == 1) {
    const size_t k = zipf_count(logits, inverse_temperature, out);
    if (k > out.size() && k < logits.size()) take_top_k(logits, k, out);
    if (k < out.size()) out.resize(k);
    if (k < logits.size()) {
      for (Candidate& c : out) c.weight = weights[static_cast<size_t>(c.token)];
      std::erase_if(out, [](const Candidate& c) { return c.weight < kNoWeight; });
      return;
    }
  } else {
    least = std::min(1.0, total * std::exp2(-mu_));  // the likeliest has weight 1
  }
  out.clear();
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] >= std::max(least, double{kNoWeight}))
      out.push_back({static_cast<int32_t>(i), logits[i], weights[i]});
  }
}

}  // namespace holdfast
