// From a model's rotary configuration to the table its forward pass hands to Backend::rope.
#pragma once

#include "backend/backend.h"
#include "files/model_config.h"

namespace holdfast {

// Frequencies of rotary embeddings (arXiv 2104.09864) and their stretchings to longer contexts:
// linear (arXiv 2306.15595), YaRN (arXiv 2309.00071) and Llama 3.1's. Computed in double, rounded
// once.
RopeTable make_rope_table(const RopeConfig& config);

// YaRN's temperature: 0.1 mscale ln(factor) + 1, or 1 where nothing is stretched.
double yarn_mscale(double factor, double mscale);

// What DeepSeek multiplies to q.k under MLA: 1 / sqrt(nope + rope), times yarn_mscale squared when
// the file gives mscale_all_dim (modeling_deepseek.py, "softmax_scale").
float mla_softmax_scale(const MlaConfig& mla, const RopeConfig& rope);

}  // namespace holdfast
