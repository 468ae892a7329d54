// What changes single logits by what has been said: bias, and penalties for repetition.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/sampling_params.h"

namespace holdfast {

// * logit_bias is added to the logit.
// * repetition_penalty divides a positive logit and multiplies a negative one, for every token of
//   the prompt or the answer (arXiv 1909.05858).
// * presence_penalty and frequency_penalty * count are subtracted, for tokens of the answer
//   (OpenAI's definition).
class Penalties {
 public:
  Penalties(const SamplingParams& params, std::span<const int32_t> prompt);

  bool any() const;
  void apply(std::span<float> logits) const;
  void accept(int32_t token);

 private:
  float repetition_, presence_, frequency_;
  std::vector<std::pair<int32_t, float>> bias_;
  std::vector<int32_t> prompt_tokens_;           // each once; only for repetition_penalty
  std::unordered_map<int32_t, int32_t> counts_;  // of the answer's tokens
};

}  // namespace holdfast
