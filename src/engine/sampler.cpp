#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/exp_sum.h"
#include "engine/random.h"

namespace holdfast {

namespace {

using Candidate = SamplerScratch::Candidate;

// Dividing by less would overflow, and everything but the largest logit has no weight left anyway.
constexpr float kGreedyBelow = 1e-5f;

bool more_likely(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
}

int32_t first_equal(std::span<const float> x, float value) {
  return static_cast<int32_t>(std::find(x.begin(), x.end(), value) - x.begin());
}

// The k most likely, in order. A heap whose front is the least likely: nearly all of a vocabulary
// fails the comparison with it.
void take_top_k(std::span<const float> logits, size_t k, std::vector<Candidate>& out) {
  out.clear();
  for (size_t i = 0; i < logits.size(); ++i) {
    const Candidate candidate{static_cast<int32_t>(i), logits[i], 0};
    if (std::isnan(logits[i])) continue;
    if (out.size() < k) {
      out.push_back(candidate);
      std::push_heap(out.begin(), out.end(), more_likely);
    } else if (more_likely(candidate, out.front())) {
      std::pop_heap(out.begin(), out.end(), more_likely);
      out.back() = candidate;
      std::push_heap(out.begin(), out.end(), more_likely);
    }
  }
  std::sort_heap(out.begin(), out.end(), more_likely);
}

// A set that holds what top-p and min-p keep, much smaller than a vocabulary most times. When the
// tokens of at least some weight reach `wanted` together, so does a beginning of them alone.
void likely_candidates(std::span<const float> logits, std::span<const float> weights, double wanted,
                       float min_p, std::vector<Candidate>& out) {
  for (float least = 1.0f / 64;; least /= 64) {
    // Below this all weights together are nothing to the largest, which is 1.
    const bool last = least < 1e-12f || least <= min_p;
    if (last) least = std::max(min_p, kNoWeight);
    double sum = 0;
    out.clear();
    for (size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] >= least) {
        out.push_back({static_cast<int32_t>(i), logits[i], weights[i]});
        sum += weights[i];
      }
    }
    if (last || sum >= wanted) return;
  }
}

// Cuts the sorted candidates to the smallest beginning with a weight of at least `wanted`.
void cut_top_p(std::vector<Candidate>& candidates, double wanted) {
  double sum = 0;
  size_t kept = 0;
  while (kept < candidates.size() && (kept == 0 || sum < wanted)) sum += candidates[kept++].weight;
  candidates.resize(kept);
}

}  // namespace

Sampler::Sampler(const SamplingParams& params, std::span<const int32_t> prompt) : params_(params) {
  if (params_.repetition_penalty != 1.0f) {
    prompt_tokens_.assign(prompt.begin(), prompt.end());
    std::sort(prompt_tokens_.begin(), prompt_tokens_.end());
    prompt_tokens_.erase(std::unique(prompt_tokens_.begin(), prompt_tokens_.end()),
                         prompt_tokens_.end());
  }
}

void Sampler::accept(int32_t token) {
  ++accepted_;
  if (params_.repetition_penalty != 1.0f || params_.presence_penalty != 0.0f ||
      params_.frequency_penalty != 0.0f) {
    ++counts_[token];
  }
}

bool Sampler::changes_logits() const {
  return !params_.logit_bias.empty() || !prompt_tokens_.empty() || !counts_.empty();
}

// Every line changes one token's logit by that token's own facts, so the order of the containers
// does not matter.
void Sampler::change_logits(std::span<float> logits) const {
  for (const auto& [token, bias] : params_.logit_bias) logits[token] += bias;
  const auto repeat = [&](int32_t token) {
    float& logit = logits[token];
    logit = logit > 0 ? logit / params_.repetition_penalty : logit * params_.repetition_penalty;
  };
  if (params_.repetition_penalty != 1.0f) {
    for (const int32_t token : prompt_tokens_) repeat(token);
    for (const auto& [token, count] : counts_) {
      if (!std::binary_search(prompt_tokens_.begin(), prompt_tokens_.end(), token)) repeat(token);
    }
  }
  for (const auto& [token, count] : counts_) {
    logits[token] -=
        params_.presence_penalty + params_.frequency_penalty * static_cast<float>(count);
  }
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
  const double uniform = counter_uniform(params_.seed, accepted_ + ahead);
  const bool top_k = params_.top_k > 0 && params_.top_k < static_cast<int64_t>(logits.size());
  std::vector<Candidate>& candidates = scratch.candidates;

  if (top_k) {
    take_top_k(logits, params_.top_k, candidates);
    double total = 0;
    for (Candidate& c : candidates) {
      c.weight = std::exp(static_cast<double>(c.logit - max) * inverse_temperature);
      total += c.weight;
    }
    if (params_.top_p < 1.0f) cut_top_p(candidates, params_.top_p * total);
  } else {
    scratch.weights.resize(logits.size());
    const double total = exp_weights(logits, max, inverse_temperature, scratch.weights);
    if (params_.top_p >= 1.0f && params_.min_p <= 0.0f) {
      double left = uniform * total;
      int32_t last = first_equal(logits, max);
      for (size_t i = 0; i < logits.size(); ++i) {
        if (scratch.weights[i] < kNoWeight) continue;
        last = static_cast<int32_t>(i);
        left -= scratch.weights[i];
        if (left < 0) return last;
      }
      return last;  // the rounding of the sum
    }
    likely_candidates(logits, scratch.weights, params_.top_p * total, params_.min_p, candidates);
    std::sort(candidates.begin(), candidates.end(), more_likely);
    if (params_.top_p < 1.0f) cut_top_p(candidates, params_.top_p * total);
  }
  // The likeliest has weight 1, and the candidates are sorted by weight.
  while (candidates.size() > 1 && candidates.back().weight < params_.min_p) candidates.pop_back();

  std::sort(candidates.begin(), candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.token < b.token; });
  double total = 0;
  for (const Candidate& c : candidates) total += c.weight;
  double left = uniform * total;
  for (const Candidate& c : candidates) {
    left -= c.weight;
    if (left < 0) return c.token;
  }
  return candidates.back().token;
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
    std::vector<Candidate> best;
    take_top_k(logits, std::min<size_t>(count, logits.size()), best);
    for (const Candidate& c : best) result.top.push_back({c.token, logprob(c.logit)});
  }
  return result;
}

}  // namespace holdfast
