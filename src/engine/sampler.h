// From logits to the next token.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/banned_strings.h"
#include "engine/candidates.h"
#include "engine/dry_penalty.h"
#include "engine/generation.h"
#include "engine/mirostat.h"
#include "engine/penalties.h"

namespace holdfast {

// Working memory of [vocab], shared by all samplers of a thread.
struct SamplerScratch {
  std::vector<float> logits, weights;
  Candidates candidates;
  double surprise = 0;  // of the token drawn last, in bits; only with mirostat
};

// The sampling of one sequence: its parameters and what it has said so far. The order of the rules:
//
// 1. logit bias, then the penalties for repetition, presence and frequency (penalties.h), then DRY
//    (dry_penalty.h); tokens that would complete a banned string are out (banned_strings.h).
// 2. top-nσ, on these logits.
// 3. temperature. 0 takes the largest logit, the lowest id among equals, and ends here.
// 4. top-k, top-p, min-p and typical-p, in Hugging Face's order, each on the probabilities that the
//    one before left; then XTC, with its probability (candidates.h). Or mirostat instead of all of
//    these (mirostat.h). Ties fall to the lowest id. At least one token stays.
//
// The draw is the inverse of the cumulative distribution, in the order of ids, at
// counter_uniform(seed, tokens accepted so far); XTC has a number of its own for the same place. So
// the same request draws the same tokens whatever else runs.
class Sampler {
 public:
  Sampler(const SamplingParams& params, std::span<const int32_t> prompt);

  // The next token, or nothing when none is left: no logit is a number (NaN counts as -inf), or all
  // tokens are out. logits: [vocab]. `ahead`: of the token so many places later, as far as that can
  // be told before those between are accepted.
  std::optional<int32_t> sample(std::span<const float> logits, SamplerScratch& scratch,
                                uint64_t ahead = 0) const;
  // Remembers what was taken. `drawn`: the scratch of the sample() that gave it; null when nobody
  // drew it.
  void accept(int32_t token, const SamplerScratch* drawn = nullptr);

  // Some rule takes tokens out whatever the model says.
  bool forbids() const { return banned_.has_value(); }

 private:
  bool changes_logits() const;
  void change_logits(std::span<float> logits) const;

  SamplingParams params_;
  Penalties penalties_;
  std::optional<DryPenalty> dry_;
  std::optional<BannedStrings> banned_;
  std::optional<Mirostat> mirostat_;
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
