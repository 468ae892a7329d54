#include "engine/constrain.h"

#include <algorithm>
#include <limits>

namespace holdfast {

namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

void mask_logits(std::span<const float> logits, const grammar::TokenMask& mask,
                 std::vector<float>& out) {
  out.resize(logits.size());
  for (size_t word = 0; word * 64 < logits.size(); ++word) {
    const uint64_t bits = word < mask.size() ? mask[word] : 0;
    const size_t begin = word * 64, end = std::min(begin + 64, logits.size());
    if (bits == ~uint64_t{0}) {
      std::copy(logits.begin() + begin, logits.begin() + end, out.begin() + begin);
    } else if (bits == 0) {
      std::fill(out.begin() + begin, out.begin() + end, kNever);
    } else {
      for (size_t i = begin; i < end; ++i) out[i] = (bits >> (i - begin) & 1) ? logits[i] : kNever;
    }
  }
}

}  // namespace

std::shared_ptr<const grammar::TokenTable> make_token_table(
    const Tokenizer& tokenizer, const std::function<std::string(int32_t)>& piece, int32_t logits,
    bool thinking) {
  grammar::TokenTableInput input;
  input.logits = logits;
  const int32_t count = std::min(tokenizer.vocab_size(), logits);
  for (int32_t token = 0; token < count; ++token) {
    input.bytes.push_back(piece(token));
    input.special.push_back(!tokenizer.is_text(token));
    if (tokenizer.is_end_of_generation(token)) input.ends.push_back(token);
  }
  if (thinking) {
    input.think_open = "<think>";
    input.think_close = "</think>";
  }
  return std::make_shared<grammar::TokenTable>(std::move(input));
}

Result<std::optional<int32_t>> sample_allowed(const Sampler& sampler, grammar::Matcher& matcher,
                                              bool may_end, std::span<const float> logits,
                                              std::vector<float>& masked, SamplerScratch& scratch) {
  ASSIGN_OR_RETURN(const auto mask, matcher.mask());
  mask_logits(logits, *mask, masked);
  if (!may_end) {
    for (const int32_t end : matcher.tokens().ends()) {
      if (static_cast<size_t>(end) < masked.size()) masked[static_cast<size_t>(end)] = kNever;
    }
  }
  const std::optional<int32_t> token = sampler.sample(masked, scratch);
  // Where rounding would let a sampler take what has no weight: the likeliest.
  if (!token || masked[static_cast<size_t>(*token)] != kNever) return token;
  return static_cast<int32_t>(std::max_element(masked.begin(), masked.end()) - masked.begin());
}

}  // namespace holdfast
