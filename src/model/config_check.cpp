#include "model/config_check.h"

#include <cmath>
#include <cstdint>
#include <string_view>

namespace holdfast {
namespace {

// Four times the largest model there is; a product of any three still fits 64 bits.
constexpr int64_t kMaxWidth = 1 << 20;

// Collects the first complaint.
class Check {
 public:
  explicit Check(std::string path) : path_(std::move(path)) {}

  void range(std::string_view what, int64_t value, int64_t low, int64_t high) {
    if (value < low || value > high) {
      complain(std::string(what) + " is " + std::to_string(value) + ", outside " +
               std::to_string(low) + " to " + std::to_string(high));
    }
  }
  void width(std::string_view what, int64_t value) { range(what, value, 1, kMaxWidth); }
  void that(bool holds, const std::string& otherwise) {
    if (!holds) complain(otherwise);
  }
  bool ok() const { return status_.has_value(); }
  Status status() const { return status_; }

 private:
  void complain(std::string message) {
    if (ok()) {
      status_ = fail(Code::kCorrupt, "the model's configuration is invalid: " + std::move(message),
                     path_);
    }
  }
  std::string path_;
  Status status_;
};

std::string vs(int64_t a, std::string_view what, int64_t b) {
  return std::to_string(a) + " " + std::string(what) + " " + std::to_string(b);
}

void check_rope(const ModelConfig& c, Check& check) {
  const RopeConfig& rope = c.rope;
  const int64_t room = c.mla.kv_rank > 0 ? c.mla.rope_dim : c.head_dim;
  check.range("the number of rotated values", rope.dim, 2, room);
  check.that(rope.dim % 2 == 0, "the number of rotated values is odd");
  check.that(std::isfinite(rope.theta) && rope.theta > 1.0f, "rope theta is not above 1");
  check.that(
      rope.freq_divisors.empty() || std::ssize(rope.freq_divisors) * 2 == rope.dim,
      vs(std::ssize(rope.freq_divisors), "rope frequency factors for rotated values:", rope.dim));
  for (const float divisor : rope.freq_divisors) {
    check.that(std::isfinite(divisor) && divisor > 0.0f, "a rope frequency factor is not positive");
  }
  if (rope.scaling == RopeScaling::kNone) return;
  check.that(std::isfinite(rope.factor) && rope.factor > 0.0f, "the rope factor is not positive");
  if (rope.scaling == RopeScaling::kLinear) return;
  check.range("the rope scaling's original context", rope.original_context, 1, INT32_MAX);
  if (rope.scaling == RopeScaling::kYarn) {
    check.that(rope.beta_fast > 0.0f && rope.beta_slow > 0.0f, "YaRN's betas are not positive");
  } else {
    check.that(rope.low_freq_factor > 0.0f && rope.high_freq_factor > rope.low_freq_factor,
               "Llama 3's low and high frequency factors are not in order");
  }
}

void check_mla(const ModelConfig& c, Check& check) {
  const MlaConfig& mla = c.mla;
  check.range("the queries' rank", mla.q_rank, 0, kMaxWidth);
  check.width("the latent's rank", mla.kv_rank);
  check.width("a head's width without rotation", mla.nope_dim);
  check.width("a head's rotated width", mla.rope_dim);
  check.width("a head's value width", mla.value_dim);
  check.that(c.rope.dim == mla.rope_dim,
             vs(c.rope.dim, "rotated values, but the heads' rotated width is", mla.rope_dim));
}

void check_moe(const MoeConfig& moe, Check& check) {
  if (moe.experts == 0) return;
  check.width("the number of experts", moe.experts);
  check.width("an expert's width", moe.ffn);
  check.range("the number of shared experts", moe.shared, 0, kMaxWidth);
  check.range("the shared experts' width", moe.shared_ffn, moe.shared > 0 ? 1 : 0, kMaxWidth);
  check.range("the number of dense layers", moe.dense_layers, 0, kMaxWidth);
  check.range("the number of expert groups", moe.groups, 1, moe.experts);
  check.range("the number of expert groups used", moe.used_groups, 1, moe.groups);
  if (!check.ok()) return;
  check.that(moe.experts % moe.groups == 0,
             vs(moe.experts, "experts do not divide into groups:", moe.groups));
  const int64_t in_group = moe.experts / moe.groups;
  check.range("the number of experts used", moe.used, 1, in_group * moe.used_groups);
  check.that(moe.groups == 1 || !moe.group_score_top2 || in_group >= 2,
             "groups of one expert cannot be scored by their two best");
}

}  // namespace

Status check_config(const ModelConfig& c, const std::string& path) {
  Check check(path);
  check.range("the number of layers", c.layers, 1, 4096);
  check.width("the hidden width", c.hidden);
  check.width("the feed-forward width", c.ffn);
  check.width("the number of heads", c.heads);
  check.range("the vocabulary's size", c.vocab, 1, 1 << 24);
  check.that(std::isfinite(c.norm_eps) && c.norm_eps > 0.0f, "the norms' epsilon is not positive");
  if (c.architecture == "deepseek2") {
    check_mla(c, check);
  } else {
    check.that(c.mla.kv_rank == 0, "latent attention in a '" + c.architecture + "' model");
    check.width("the number of key and value heads", c.kv_heads);
    check.width("a head's width", c.head_dim);
    if (check.ok()) {
      check.that(c.heads % c.kv_heads == 0,
                 vs(c.heads, "heads do not divide among key and value heads:", c.kv_heads));
    }
    if (check.ok() && c.moe.experts > 0) {
      return fail(Code::kUnimplemented,
                  "experts in a '" + c.architecture + "' model are not supported", path);
    }
  }
  check_rope(c, check);
  check_moe(c.moe, check);
  return check.status();
}

}  // namespace holdfast
