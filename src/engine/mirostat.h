// Mirostat (Basu et al., arXiv 2007.14966): keeps the surprise of an answer near a target instead
// of cutting at a fixed place.
#pragma once

#include <cstdint>
#include <span>

#include "engine/candidates.h"
#include "engine/sampling_params.h"

namespace holdfast {

// State of one sequence: mu, the surprise (in bits) that is allowed next. It starts at 2 * tau;
// after each token of surprise s under the whole distribution, mu -= eta * (s - tau).
//
// Version 1 estimates the exponent of Zipf's law from the 100 likeliest tokens and draws from as
// many of the likeliest as it gives mu (equations 10 and 30 of the paper). Version 2 draws from
// those with a surprise of at most mu. At least one token stays.
class Mirostat {
 public:
  Mirostat(int32_t version, float tau, float eta);

  // Fills `out` from logits [vocab] and weights of total weight `total` ([vocab], the largest 1).
  void candidates(std::span<const float> logits, std::span<const float> weights, double total,
                  float inverse_temperature, Candidates& out) const;
  void learn(double surprise) { mu_ -= eta_ * (surprise - tau_); }

 private:
  size_t zipf_count(std::span<const float> logits, float inverse_temperature,
                    Candidates& out) const;

  int32_t version_;
  double tau_, eta_, mu_;
};

}  // namespace holdfast
