// Which experts a token goes to.
#pragma once

#include <cstdint>
#include <span>

#include "backend/backend.h"

namespace holdfast::cpu {

struct Choice {
  int32_t expert;
  float weight;
};

// From the router's logits of one token (overwritten with the scores) to params.used experts, best
// first, ties to the lower index. DeepSeek-V2 (arXiv 2405.04434, 2.2.2) and V3 (arXiv 2412.19437,
// 2.1.2): `bias` [experts] or null counts for the choice only.
void route(std::span<float> logits, const float* bias, const MoeParams& params,
           std::span<Choice> chosen);

}  // namespace holdfast::cpu
