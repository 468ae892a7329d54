// From logits to the next token.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/generation.h"

namespace holdfast {

// Working memory of [vocab], shared by all samplers of a thread.
struct SamplerScratch {
  struct Candidate {
    int32_t token;
    float logit;
    double weight;
  };
  std::vector<float> logits, weights;
  std::vector<Candidate> candidates;
};

// The sampling of one sequence: its parameters and what it has said so far. The order is Hugging
// Face's: logit bias, penalties, temperature, top-k, top-p, min-p.
//
// * logit_bias is added to the logit.
// * repetition_penalty divides a positive logit and multiplies a negative one, for every token of
//   the prompt or the answer (arXiv 1909.05858).
// * presence_penalty and frequency_penalty * count are subtracted, for tokens of the answer
//   (OpenAI's definition).
// * temperature 0 takes the largest logit, the lowest id among equals.
// * top_k keeps the k largest; top_p the smallest set of the most likely whose probability (after
//   top-k) reaches p; min_p those at least p times as likely as the likeliest. Ties fall to the
//   lowest id. At least one token stays.
//
// The draw is the inverse of the cumulative distribution, in the order of ids, at
// counter_uniform(seed, tokens accepted so far): the same request draws the same tokens whatever
// else runs.
class Sampler {
 public:
  Sampler(const SamplingParams& params, std::span<const int32_t> prompt);

  // The next token, or nothing when no logit is a number (NaN counts as -inf). logits: [vocab].
  // `ahead`: of the token so many places later, as far as that can be told before those between
  // are accepted.
  std::optional<int32_t> sample(std::span<const float> logits, SamplerScratch& scratch,
                                uint64_t ahead = 0) const;
  // Remembers what was taken.
  void accept(int32_t token);

 private:
  bool changes_logits() const;
  void change_logits(std::span<float> logits) const;

  SamplingParams params_;
  std::vector<int32_t> prompt_tokens_;           // each once; only for repetition_penalty
  std::unordered_map<int32_t, int32_t> counts_;  // of the answer's tokens
  uint64_t accepted_ = 0;
};

// log-softmax of the unmodified logits, in double: of `token`, and of the `count` most likely
// tokens, best first, the lowest id among equals.
struct Logprobs {
  TokenLogprob chosen;
  std::vector<TokenLogprob> top;
};
Logprobs logprobs_of(std::span<const float> logits, int32_t token, int32_t count);

}  // namespace holdfast
