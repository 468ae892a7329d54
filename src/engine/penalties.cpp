#include "engine/penalties.h"

#include <algorithm>

namespace holdfast {

Penalties::Penalties(const SamplingParams& params, std::span<const int32_t> prompt)
    : repetition_(params.repetition_penalty),
      presence_(params.presence_penalty),
      frequency_(params.frequency_penalty),
      bias_(params.logit_bias) {
  if (repetition_ != 1.0f) {
    prompt_tokens_.assign(prompt.begin(), prompt.end());
    std::sort(prompt_tokens_.begin(), prompt_tokens_.end());
    prompt_tokens_.erase(std::unique(prompt_tokens_.begin(), prompt_tokens_.end()),
                         prompt_tokens_.end());
  }
}

void Penalties::accept(int32_t token) {
  if (repetition_ != 1.0f || presence_ != 0.0f || frequency_ != 0.0f) ++counts_[token];
}

bool Penalties::any() const {
  return !bias_.empty() || !prompt_tokens_.empty() || !counts_.empty();
}

// Every line changes one token's logit by that token's own facts, so the order of the containers
// does not matter.
void Penalties::apply(std::span<float> logits) const {
  for (const auto& [token, bias] : bias_) logits[static_cast<size_t>(token)] += bias;
  const auto repeat = [&](int32_t token) {
    float& logit = logits[static_cast<size_t>(token)];
    logit = logit > 0 ? logit / repetition_ : logit * repetition_;
  };
  if (repetition_ != 1.0f) {
    for (const int32_t token : prompt_tokens_) repeat(token);
    for (const auto& [token, count] : counts_) {
      if (!std::binary_search(prompt_tokens_.begin(), prompt_tokens_.end(), token)) repeat(token);
    }
  }
  for (const auto& [token, count] : counts_) {
    logits[static_cast<size_t>(token)] -= presence_ + frequency_ * static_cast<float>(count);
  }
}

}  // namespace holdfast
