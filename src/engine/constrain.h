// A constraint's mask over logits, before the sampler sees them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/sampler.h"
#include "grammar/constraint.h"
#include "text/tokenizer.h"

namespace holdfast {

// The tokens of a model as constraints see them. `piece`: what a token adds to an answer. `logits`:
// how many a forward pass gives. `thinking`: answers may begin with <think>...</think>.
std::shared_ptr<const grammar::TokenTable> make_token_table(
    const Tokenizer& tokenizer, const std::function<std::string(int32_t)>& piece, int32_t logits,
    bool thinking);

// The sampler's choice among the tokens that `matcher` allows; as Sampler::sample, else as
// Matcher::mask. `may_end`: tokens that end an answer count (else they are forbidden too).
// `masked`: working memory.
Result<std::optional<int32_t>> sample_allowed(const Sampler& sampler, grammar::Matcher& matcher,
                                              bool may_end, std::span<const float> logits,
                                              std::vector<float>& masked, SamplerScratch& scratch);

}  // namespace holdfast
