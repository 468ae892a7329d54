// DRY, "don't repeat yourself" (P. E. Weidmann, "DRY: A modern repetition penalty that reliably
// prevents looping", text-generation-webui pull request 5677, 2024): a token that would prolong a
// repetition of earlier tokens loses the more, the longer that repetition is.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/sampling_params.h"
#include "text/byte_automaton.h"
#include "text/token_bytes.h"

namespace holdfast {

// Of all places of prompt and answer (the last `last_n` tokens of them) whose tokens before equal
// the latest tokens, each names a token that would prolong the repetition: the one that followed
// there. With the longest such match of m tokens (counted up to 50), m >= allowed_length, its logit
// loses multiplier * base^(m - allowed_length).
//
// No match reaches over a break. A token is one when a sequence breaker ends in its bytes, wherever
// that began; so is a token without bytes, for those stand between turns.
class DryPenalty {
 public:
  // `params.multiplier` is not 0.
  DryPenalty(const DryParams& params, std::shared_ptr<const TokenBytes> tokens,
             std::span<const int32_t> prompt);

  void accept(int32_t token);
  void apply(std::span<float> logits) const;

 private:
  DryParams params_;
  std::shared_ptr<const TokenBytes> tokens_;
  std::optional<ByteAutomaton> breakers_;
  ByteAutomaton::State state_ = ByteAutomaton::kStart;
  std::vector<int32_t> history_;
  std::vector<uint8_t> breaks_;  // [history]
};

}  // namespace holdfast
