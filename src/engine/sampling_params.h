// How the next token is chosen: what a request may ask for. The rules themselves, and their order,
// stand in sampler.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/token_bytes.h"

namespace holdfast {

// "Don't repeat yourself"; see dry_penalty.h.
struct DryParams {
  float multiplier = 0.0f;  // 0: off
  float base = 1.75f;
  int32_t allowed_length = 2;
  int32_t last_n = -1;  // tokens that are looked at; -1: all, 0: none
  std::vector<std::string> sequence_breakers = {"\n", ":", "\"", "*"};
};

struct SamplingParams {
  float temperature = 1.0f;  // 0: greedy
  float top_p = 1.0f;
  int32_t top_k = 0;  // 0: off
  float min_p = 0.0f;
  float typical_p = 1.0f;
  float top_n_sigma = 0.0f;  // 0: off
  float xtc_probability = 0.0f, xtc_threshold = 0.1f;
  int32_t mirostat = 0;  // 0: off; 1 or 2: the algorithm's version, instead of all that cuts
  float mirostat_tau = 5.0f, mirostat_eta = 0.1f;
  float presence_penalty = 0.0f, frequency_penalty = 0.0f;
  float repetition_penalty = 1.0f;
  DryParams dry;
  std::vector<std::pair<int32_t, float>> logit_bias;
  std::vector<std::string> banned_strings;  // never appear in what is generated
  uint64_t seed = 0;

  // What tokens add to the text. Needed by rules that read it.
  std::shared_ptr<const TokenBytes> token_bytes;
  bool reads_text() const { return !banned_strings.empty() || dry.multiplier != 0.0f; }
};

// Both together, so that their automata stay small.
inline constexpr size_t kMaxBannedStrings = 256, kMaxBannedBytes = 8192;
inline constexpr size_t kMaxBreakers = 64, kMaxBreakerBytes = 1024;

// invalid_argument; where: the parameter's name.
Status check_sampling(const SamplingParams& params, int32_t vocab);

}  // namespace holdfast
