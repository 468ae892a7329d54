#include "backend/cpu/routing.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/check.h"

namespace holdfast::cpu {
namespace {

// Indices of the n largest values, largest first, ties to the lower index.
std::vector<int32_t> largest(std::span<const float> values, std::size_t n) {
  std::vector<int32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  const auto better = [&](int32_t a, int32_t b) {
    const float x = values[static_cast<std::size_t>(a)], y = values[static_cast<std::size_t>(b)];
    return x > y || (x == y && a < b);
  };
  std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(n), better);
  order.resize(n);
  return order;
}

void score(std::span<float> logits, bool sigmoid) {
  if (sigmoid) {
    for (float& x : logits) x = 1.0f / (1.0f + std::exp(-x));
    return;
  }
  const float most = *std::ranges::max_element(logits);
  float sum = 0.0f;
  for (float& x : logits) sum += x = std::exp(x - most);
  for (float& x : logits) x /= sum;
}

}  // namespace

void route(std::span<float> logits, const float* bias, const MoeParams& params,
           std::span<Choice> chosen) {
  // NaN would break the order of the sort: a broken model gets some experts, not a crash.
  for (float& x : logits) {
    if (std::isnan(x)) x = -std::numeric_limits<float>::max();
  }
  score(logits, params.sigmoid);
  std::vector<float> rank(logits.begin(), logits.end());
  if (bias != nullptr) {
    for (std::size_t i = 0; i < rank.size(); ++i) rank[i] += bias[i];
  }
  if (params.groups > 1) {
    const auto groups = static_cast<std::size_t>(params.groups);
    const std::size_t size = rank.size() / groups;
    CHECK(size * groups == rank.size()) << rank.size() << " experts in " << groups << " groups";
    std::vector<float> group_scores(groups);
    for (std::size_t g = 0; g < groups; ++g) {
      const auto group = std::span(rank).subspan(g * size, size);
      const auto best =
          largest(group, params.group_score_top2 ? std::min<std::size_t>(2, size) : 1);
      for (const int32_t i : best) group_scores[g] += group[static_cast<std::size_t>(i)];
    }
    const auto kept = largest(group_scores, static_cast<std::size_t>(params.used_groups));
    CHECK(chosen.size() <= size * kept.size())
        << chosen.size() << " experts of " << kept.size() << " groups of " << size;
    for (std::size_t g = 0; g < groups; ++g) {
      if (std::ranges::find(kept, static_cast<int32_t>(g)) != kept.end()) continue;
      std::ranges::fill(std::span(rank).subspan(g * size, size),
                        -std::numeric_limits<float>::infinity());
    }
  }
  const std::vector<int32_t> best = largest(rank, chosen.size());
  float sum = 0.0f;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    chosen[i] = {best[i], logits[static_cast<std::size_t>(best[i])]};
    sum += chosen[i].weight;
  }
  for (Choice& choice : chosen) {
    if (params.normalize_weights) choice.weight /= sum + 1e-20f;
    choice.weight *= params.weight_scale;
  }
}

}  // namespace holdfast::cpu
