#include "engine/candidates.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/exp_sum.h"

namespace holdfast {

bool more_likely(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
}

int32_t first_equal(std::span<const float> x, float value) {
  return static_cast<int32_t>(std::find(x.begin(), x.end(), value) - x.begin());
}

double total_weight(const Candidates& candidates) {
  double total = 0;
  for (const Candidate& c : candidates) total += c.weight;
  return total;
}

// A heap whose front is the least likely: nearly all of a vocabulary fails the comparison with it.
void take_top_k(std::span<const float> logits, size_t k, Candidates& out) {
  out.clear();
  for (size_t i = 0; i < logits.size(); ++i) {
    const Candidate candidate{static_cast<int32_t>(i), logits[i], 0};
    if (std::isnan(logits[i])) continue;
    if (out.size() < k) {
      out.push_back(candidate);
      std::push_heap(out.begin(), out.end(), more_likely);
    } else if (more_likely(candidate, out.front())) {
      std::pop_heap(out.begin(), out.end(), more_likely);
      out.back() = candidate;
      std::push_heap(out.begin(), out.end(), more_likely);
    }
  }
  std::sort_heap(out.begin(), out.end(), more_likely);
}

void take_likely(std::span<const float> logits, std::span<const float> weights, double wanted,
                 float min_p, Candidates& out) {
  for (float least = 1.0f / 64;; least /= 64) {
    // Below this all weights together are nothing to the largest, which is 1.
    const bool last = least < 1e-12f || least <= min_p;
    if (last) least = std::max(min_p, kNoWeight);
    double sum = 0;
    out.clear();
    for (size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] >= least) {
        out.push_back({static_cast<int32_t>(i), logits[i], weights[i]});
        sum += weights[i];
      }
    }
    if (last || sum >= wanted) return;
  }
}

void cut_top_p(Candidates& candidates, double wanted) {
  double sum = 0;
  size_t kept = 0;
  while (kept < candidates.size() && (kept == 0 || sum < wanted)) sum += candidates[kept++].weight;
  candidates.resize(kept);
}

void cut_min_p(Candidates& candidates, float min_p) {
  std::erase_if(candidates, [&](const Candidate& c) { return c.weight < min_p; });
}

// The information of a token less the entropy is (mean logit - its logit) / temperature, so logits
// tell the order. Only as much of it as is needed gets sorted.
void cut_typical(Candidates& candidates, float typical_p) {
  const double total = total_weight(candidates);
  double mean = 0;
  for (const Candidate& c : candidates) mean += c.weight * double{c.logit};
  mean /= total;
  const auto nearer = [mean](const Candidate& a, const Candidate& b) {
    const double to_a = std::abs(mean - double{a.logit}), to_b = std::abs(mean - double{b.logit});
    return to_a != to_b ? to_a < to_b : a.token < b.token;
  };
  const double wanted = double{typical_p} * total;
  double sum = 0;
  std::ptrdiff_t sorted = 0, kept = 0;
  for (std::ptrdiff_t step = 256; kept < std::ssize(candidates) && (kept == 0 || sum < wanted);) {
    if (kept == sorted) {
      const auto from = candidates.begin() + sorted;
      sorted = std::min(sorted + step, std::ssize(candidates));
      std::partial_sort(from, candidates.begin() + sorted, candidates.end(), nearer);
      step *= 4;
    }
    sum += candidates[static_cast<size_t>(kept++)].weight;
  }
  candidates.resize(static_cast<size_t>(kept));
}

void cut_top_choices(Candidates& candidates, float threshold) {
  const double least = double{threshold} * total_weight(candidates);
  const Candidate* last = nullptr;  // the least likely of the top choices
  for (const Candidate& c : candidates) {
    if (c.weight >= least && (last == nullptr || more_likely(*last, c))) last = &c;
  }
  if (last == nullptr) return;
  const Candidate kept = *last;
  std::erase_if(candidates,
                [&](const Candidate& c) { return c.weight >= least && c.token != kept.token; });
}

const Candidate& draw(Candidates& candidates, double uniform) {
  std::sort(candidates.begin(), candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.token < b.token; });
  double left = uniform * total_weight(candidates);
  for (const Candidate& c : candidates) {
    left -= c.weight;
    if (left < 0) return c;
  }
  return candidates.back();  // the rounding of the sum
}

void cut_top_n_sigma(std::span<float> logits, float n) {
  double sum = 0;
  int64_t count = 0;
  for (const float logit : logits) {
    if (std::isfinite(logit)) sum += logit, ++count;
  }
  if (count == 0) return;
  const double mean = sum / static_cast<double>(count);
  double squares = 0;
  for (const float logit : logits) {
    if (std::isfinite(logit)) squares += (logit - mean) * (logit - mean);
  }
  const double sigma = std::sqrt(squares / static_cast<double>(count));
  const double least = double{max_of(logits)} - double{n} * sigma;
  for (float& logit : logits) {
    if (logit < least) logit = -std::numeric_limits<float>::infinity();
  }
}

}  // namespace holdfast
