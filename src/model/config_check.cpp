#include "model/config_check.h"

#include <fmt/format.h>

namespace holdfast {
namespace {

Status corrupt(const std::string& path, std::string what) {
  return fail(Code::kCorrupt, "the model's configuration is invalid: " + std::move(what), path);
}

Status check_rope(const RopeConfig& rope, const std::string& path) {
  if (rope.scaling == RopeScaling::kYarn && !(rope.theta > 1.0f)) {
    return corrupt(path, fmt::format("YaRN with a rope theta of {}", rope.theta));
  }
  if (rope.scaling == RopeScaling::kLlama3 && !(rope.low_freq_factor < rope.high_freq_factor)) {
    return corrupt(path, fmt::format("rope's low_freq_factor ({}) is not below its "
                                     "high_freq_factor ({})",
                                     rope.low_freq_factor, rope.high_freq_factor));
  }
  return {};
}

Status check_deepseek(const ModelConfig& c, const std::string& path) {
  if (c.mla.kv_rank == 0) {
    return fail(Code::kUnimplemented, "a DeepSeek model without latent attention", path);
  }
  if (c.rope.dim != c.mla.rope_dim) {
    return corrupt(path, fmt::format("{} rotated values in heads with {} for them", c.rope.dim,
                                     c.mla.rope_dim));
  }
  if ((c.moe.experts == 0 || c.moe.dense_layers > 0) && c.ffn == 0) {
    return corrupt(path, "the FFN width of the dense layers is missing");
  }
  if (int64_t{c.moe.ffn} * c.moe.shared > INT32_MAX) {
    return corrupt(path, fmt::format("{} shared experts of width {}", c.moe.shared, c.moe.ffn));
  }
  if (c.moe.groups > 1 && c.moe.group_score_top2 && c.moe.experts / c.moe.groups < 2) {
    return corrupt(path, "groups of one expert, scored by their two best");
  }
  return {};
}

}  // namespace

Status check_config(const ModelConfig& config, const std::string& path) {
  RETURN_IF_ERROR(validate(config, path));
  RETURN_IF_ERROR(check_rope(config.rope, path));
  if (config.architecture == "deepseek2") return check_deepseek(config, path);
  if (config.mla.kv_rank > 0 || config.moe.experts > 0) {
    return fail(Code::kUnimplemented,
                fmt::format("'{}' with {} is not supported", config.architecture,
                            config.moe.experts > 0 ? "experts" : "latent attention"),
                path);
  }
  return {};
}

}  // namespace holdfast
