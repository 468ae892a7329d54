#include "files/model_config.h"

#include <cmath>

#include <fmt/format.h>

namespace holdfast {
namespace {

// Bounds far above any real model, so that products of a few of these stay inside int64.
constexpr int32_t kMostLayers = 4096;
constexpr int32_t kMostWidth = 1 << 22;
constexpr int32_t kMostHeads = 1 << 14;
constexpr int32_t kMostVocab = 1 << 24;
constexpr int32_t kMostExperts = 1 << 14;

class Checker {
 public:
  explicit Checker(const std::string& where) : where_(where) {}

  void range(std::string_view field, int64_t value, int64_t low, int64_t high) {
    if (value < low || value > high)
      set(fmt::format("{} is {}; {} to {} is possible", field, value, low, high));
  }
  void finite(std::string_view field, float value, bool positive) {
    if (!std::isfinite(value) || value < 0.0f || (positive && value == 0.0f))
      set(fmt::format("{} is {}, which is impossible", field, value));
  }
  void divides(std::string_view part, int64_t a, std::string_view whole, int64_t b) {
    if (a <= 0 || b % a != 0)
      set(fmt::format("{} ({}) does not divide {} ({})", part, a, whole, b));
  }

  Status done() const {
    if (problem_.empty()) return {};
    return fail(Code::kCorrupt, "the model's configuration contradicts itself: " + problem_, where_,
                "The file was written wrongly; fetch or convert the model again");
  }

 private:
  void set(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
  }

  const std::string& where_;
  std::string problem_;
};

void check_rope(const RopeConfig& rope, int32_t head_dim, Checker& check) {
  check.range("rope dimensions", rope.dim, 2, head_dim);
  check.divides("2", 2, "rope dimensions", rope.dim);
  check.finite("rope theta", rope.theta, true);
  check.finite("rope factor", rope.factor, true);
  check.finite("rope beta_fast", rope.beta_fast, true);
  check.finite("rope beta_slow", rope.beta_slow, true);
  check.finite("rope mscale", rope.mscale, false);
  check.finite("rope mscale_all_dim", rope.mscale_all_dim, false);
  if (rope.attention_factor) check.finite("rope attention factor", *rope.attention_factor, true);
  check.finite("rope low_freq_factor", rope.low_freq_factor, true);
  check.finite("rope high_freq_factor", rope.high_freq_factor, true);
  if (rope.scaling == RopeScaling::kYarn || rope.scaling == RopeScaling::kLlama3)
    check.range("the original context of rope scaling", rope.original_context, 1, INT32_MAX);
  if (!rope.freq_divisors.empty()) {
    check.range("the number of rope frequency factors",
                static_cast<int64_t>(rope.freq_divisors.size()), rope.dim / 2, rope.dim / 2);
    for (const float divisor : rope.freq_divisors)
      check.finite("a rope frequency factor", divisor, true);
  }
}

void check_moe(const MoeConfig& moe, int32_t layers, Checker& check) {
  check.range("experts", moe.experts, 0, kMostExperts);
  if (moe.experts == 0) return;
  check.range("experts used", moe.used, 1, moe.experts);
  check.range("shared experts", moe.shared, 0, kMostExperts);
  check.range("expert width", moe.ffn, 1, kMostWidth);
  check.range("shared expert width", moe.shared_ffn, 0, kMostWidth);
  check.range("dense layers", moe.dense_layers, 0, layers);
  check.range("expert groups", moe.groups, 1, moe.experts);
  check.range("expert groups used", moe.used_groups, 1, moe.groups);
  check.divides("expert groups", moe.groups, "experts", moe.experts);
  if (moe.groups > 1)
    check.range("experts used", moe.used, 1,
                static_cast<int64_t>(moe.experts / moe.groups) * moe.used_groups);
  check.finite("the experts' weight scale", moe.weight_scale, true);
}

}  // namespace

std::string_view pooling_name(Pooling pooling) {
  constexpr std::string_view kNames[] = {"none", "mean", "cls", "last"};
  return kNames[static_cast<int>(pooling)];
}

std::optional<Pooling> find_pooling(std::string_view name) {
  for (const Pooling p : {Pooling::kNone, Pooling::kMean, Pooling::kCls, Pooling::kLast}) {
    if (pooling_name(p) == name) return p;
  }
  return std::nullopt;
}

Status validate(const ModelConfig& config, const std::string& where) {
  Checker check(where);
  check.range("layers", config.layers, 1, kMostLayers);
  check.range("hidden width", config.hidden, 1, kMostWidth);
  check.range("FFN width", config.ffn, config.moe.experts > 0 ? 0 : 1, kMostWidth);
  check.range("attention heads", config.heads, 1, kMostHeads);
  check.range("key/value heads", config.kv_heads, 1, kMostHeads);
  check.divides("key/value heads", config.kv_heads, "attention heads", config.heads);
  check.range("head width", config.head_dim, 1, 1 << 16);
  check.range("vocabulary", config.vocab, 1, kMostVocab);
  check.range("context", config.context, 1, INT32_MAX);
  check.finite("norm epsilon", config.norm_eps, false);
  if (config.is_encoder()) {
    check.range("token types", config.encoder.token_types, 1, 1 << 10);
    check.divides("attention heads", config.heads, "hidden width", config.hidden);
  } else {
    check_rope(config.rope, config.head_dim, check);
  }
  check.range("the longest text", config.encoder.most_tokens, 0, config.context);
  check_moe(config.moe, config.layers, check);
  const MlaConfig& mla = config.mla;
  if (mla.kv_rank != 0) {
    check.range("MLA query rank", mla.q_rank, 0, kMostWidth);
    check.range("MLA key/value rank", mla.kv_rank, 1, kMostWidth);
    check.range("MLA plain head width", mla.nope_dim, 1, 1 << 16);
    check.range("MLA rotated head width", mla.rope_dim, 2, 1 << 16);
    check.range("MLA value width", mla.value_dim, 1, 1 << 16);
  }
  return check.done();
}

}  // namespace holdfast
