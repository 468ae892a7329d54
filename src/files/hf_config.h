// Hugging Face's config.json in the form the rest of the house reads.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "files/model_config.h"

namespace holdfast {

// What a config.json says. Rope settings are read in transformers' old layout (rope_theta and
// rope_scaling) and its new one (rope_parameters).
struct HfConfig {
  ModelConfig model;
  bool tie_word_embeddings = false;
  // DeepSeek's FP8 (quantization_config): the tile that shares a scale; 0 for unquantized weights.
  int32_t scale_block = 0;
};

// `file` names the text in errors. corrupt for a field that is missing or impossible, unimplemented
// for a model type, activation, rope scaling or quantization we do not know.
Result<HfConfig> hf_config(const std::string& file, std::string_view text);

// generation_config.json: the sampling its makers recommend. An empty text has none.
Result<SamplingDefaults> hf_sampling(const std::string& file, std::string_view text);

}  // namespace holdfast
