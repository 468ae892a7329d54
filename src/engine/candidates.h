// The tokens that may still be drawn, and the rules that cut them down.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace holdfast {

struct Candidate {
  int32_t token;
  float logit;
  double weight;  // exp((logit - the largest) / temperature)
};
using Candidates = std::vector<Candidate>;

// By logit; the lowest id among equals comes first.
bool more_likely(const Candidate& a, const Candidate& b);

// The first place of `value` in `x`.
int32_t first_equal(std::span<const float> x, float value);
double total_weight(const Candidates& candidates);

// The k most likely tokens, in order, without weights.
void take_top_k(std::span<const float> logits, size_t k, Candidates& out);
// Those that top-p and min-p may keep, much fewer than a vocabulary most times, by id. When the
// tokens of at least some weight reach `wanted` together, so does a beginning of them alone.
void take_likely(std::span<const float> logits, std::span<const float> weights, double wanted,
                 float min_p, Candidates& out);

// Each leaves at least one. `wanted` is a weight.
// Of candidates from the most likely down: the smallest beginning that reaches `wanted`.
void cut_top_p(Candidates& candidates, double wanted);
// Those at least min_p times as likely as the likeliest, whose weight is 1.
void cut_min_p(Candidates& candidates, float min_p);
// Locally typical sampling (arXiv 2202.00666): those whose information is nearest to the
// distribution's entropy, until their probability reaches typical_p.
void cut_typical(Candidates& candidates, float typical_p);
// XTC, "exclude top choices" (P. E. Weidmann, text-generation-webui pull request 6335, 2024): of
// those with a probability of at least `threshold` only the least likely stays.
void cut_top_choices(Candidates& candidates, float threshold);

// Sorts by id; the inverse of the cumulative distribution at `uniform`.
const Candidate& draw(Candidates& candidates, double uniform);

// Top-nσ (arXiv 2411.07641): -inf for logits more than n standard deviations below the largest.
void cut_top_n_sigma(std::span<float> logits, float n);

}  // namespace holdfast
