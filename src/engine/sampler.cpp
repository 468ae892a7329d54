#include "engine/sampler.h"

#include <algorithm>
#include <cmath>

#include "engine/exp_sum.h"
#include "engine/random.h"

namespace holdfast {

namespace {

// Dividing by less would overflow, and everything but the largest logit has no weight left anyway.
constexpr float kGreedyBelow = 1e-5f;

// A draw over a whole vocabulary.
int32_t draw_from_all(std::span<const float> weights, double total, double uniform) {
  double left = uniform * total;
  int32_t last = first_equal(weights, 1.0f);  // the likeliest
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] < kNoWeight) continue;
    last = static_cast<int32_t>(i);
    left -= weights[i];
    if (left < 0) return last;
  }
  return last;  // the rounding of the sum
}

}  // namespace

Sampler::Sampler(const SamplingParams& params, std::span<const int32_t> prompt)
    : params_(params), penalties_(params, prompt) {
  if (params.dry.multiplier != 0.0f) dry_.emplace(params.dry, params.token_bytes, prompt);
  if (!params.banned_strings.empty()) banned_.emplace(params.banned_strings, params.token_bytes);
  if (params.mirostat != 0)
    mirostat_.emplace(params.mirostat, params.mirostat_tau, params.mirostat_eta);
}

void Sampler::accept(int32_t token, const SamplerScratch* drawn) {
  ++accepted_;
  penalties_.accept(token);
  if (dry_) dry_->accept(token);
  if (banned_) banned_->accept(token);
  if (mirostat_ && drawn != nullptr && params_.temperature >= kGreedyBelow)
    mirostat_->learn(drawn->surprise);
}

bool Sampler::changes_logits() const {
  return penalties_.any() || dry_ || banned_ || params_.top_n_sigma > 0.0f;
}

void Sampler::change_logits(std::span<float> logits) const {
  penalties_.apply(logits);
  if (dry_) dry_->apply(logits);
  if (banned_) banned_->mask(logits);
  if (params_.top_n_sigma > 0.0f) cut_top_n_sigma(logits, params_.top_n_sigma);
}

std::optional<int32_t> Sampler::sample(std::span<const float> logits, SamplerScratch& scratch,
                                       uint64_t ahead) const {
  if (changes_logits()) {
    scratch.logits.assign(logits.begin(), logits.end());
    change_logits(scratch.logits);
    logits = scratch.logits;
  }
  const float max = max_of(logits);
  if (!std::isfinite(max)) return std::nullopt;
  if (params_.temperature < kGreedyBelow) return first_equal(logits, max);

  const float inverse_temperature = 1.0f / params_.temperature;
  const uint64_t place = accepted_ + ahead;
  const double uniform = counter_uniform(params_.seed, place);
  Candidates& candidates = scratch.candidates;

  if (params_.top_k > 0 && params_.top_k < std::ssize(logits) && !mirostat_) {
    take_top_k(logits, static_cast<size_t>(params_.top_k), candidates);
    for (Candidate& c : candidates)
      c.weight = std::exp(static_cast<double>(c.logit - max) * inverse_temperature);
    if (params_.top_p < 1.0f) cut_top_p(candidates, params_.top_p * total_weight(candidates));
  } else {
    scratch.weights.resize(logits.size());
    const double total = exp_weights(logits, max, inverse_temperature, scratch.weights);
    if (mirostat_) {
      mirostat_->candidates(logits, scratch.weights, total, inverse_temperature, candidates);
      const Candidate& drawn = draw(candidates, uniform);
      scratch.surprise = std::log2(total / drawn.weight);
      return drawn.token;
    }
    const bool all = params_.top_p >= 1.0f && params_.min_p <= 0.0f && params_.typical_p >= 1.0f &&
                     params_.xtc_probability <= 0.0f;
    if (all) return draw_from_all(scratch.weights, total, uniform);
    take_likely(logits, scratch.weights, params_.top_p * total, params_.min_p, candidates);
    if (params_.top_p < 1.0f) {
      std::sort(candidates.begin(), candidates.end(), more_likely);
      cut_top_p(candidates, params_.top_p * total);
    }
  }
  if (params_.min_p > 0.0f) cut_min_p(candidates, params_.min_p);
  if (params_.typical_p < 1.0f) cut_typical(candidates, params_.typical_p);
  if (params_.xtc_probability > 0.0f &&
      counter_uniform(params_.seed, place, kXtcNumbers) < params_.xtc_probability) {
    cut_top_choices(candidates, params_.xtc_threshold);
  }
  return draw(candidates, uniform).token;
}

Logprobs logprobs_of(std::span<const float> logits, int32_t token, int32_t count) {
  const float max = max_of(logits);
  const double log_sum = log_sum_exp(logits, max);
  const auto logprob = [&](float logit) {
    return static_cast<float>(static_cast<double>(logit) - max - log_sum);
  };
  Logprobs result;
  result.chosen = {token, logprob(logits[token])};
  if (count > 0) {
    Candidates best;
    take_top_k(logits, std::min<size_t>(count, logits.size()), best);
    for (const Candidate& c : best) result.top.push_back({c.token, logprob(c.logit)});
  }
  return result;
}

}  // namespace holdfast
