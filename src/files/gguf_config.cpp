#include "files/gguf_config.h"

#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "base/paged_bytes.h"
#include "files/describe.h"

namespace holdfast {
namespace {

// Reads "<architecture>.<key>".
class Keys {
 public:
  Keys(const Gguf& gguf, std::string architecture)
      : gguf_(gguf), architecture_(std::move(architecture)) {}

  std::string full(std::string_view key) const { return fmt::format("{}.{}", architecture_, key); }

  Status missing(std::string_view key) const {
    return fail(Code::kCorrupt, fmt::format("key '{}' is missing", full(key)), gguf_.file(),
                "Convert the model again with a current tool");
  }

  // An optional key leaves `out` as it is when missing.
  Status read(std::string_view key, int32_t& out, bool required = false) const {
    // Some writers give one value for each layer; the families here are uniform.
    const GgufValue* value = gguf_.find(full(key));
    if (value != nullptr && value->type == GgufType::kArray) return uniform(key, *value, out);
    ASSIGN_OR_RETURN(const auto found, gguf_.get_int(full(key)));
    if (found) out = *found;
    return !found && required ? missing(key) : Status{};
  }
  Status read(std::string_view key, float& out, bool required = false) const {
    ASSIGN_OR_RETURN(const auto found, gguf_.get_float(full(key)));
    if (found) out = *found;
    return !found && required ? missing(key) : Status{};
  }
  Status read(std::string_view key, bool& out) const {
    ASSIGN_OR_RETURN(const auto found, gguf_.get_bool(full(key)));
    if (found) out = *found;
    return {};
  }
  Result<std::optional<std::string>> text(std::string_view key) const {
    return gguf_.get_string(full(key));
  }
  bool has(std::string_view key) const { return gguf_.find(full(key)) != nullptr; }
  std::string where(std::string_view key) const {
    const GgufValue* value = gguf_.find(full(key));
    return value == nullptr ? gguf_.file() : at_byte(gguf_.file(), value->offset);
  }

 private:
  Status uniform(std::string_view key, const GgufValue& value, int32_t& out) const {
    const auto all = value.integers();
    if (!all || all->empty() || all->front() < 0 || all->front() > INT32_MAX)
      return fail(Code::kCorrupt, fmt::format("key '{}' holds no whole numbers", full(key)),
                  at_byte(gguf_.file(), value.offset));
    for (const int64_t one : *all) {
      if (one != all->front())
        return fail(Code::kUnimplemented,
                    fmt::format("key '{}' differs from layer to layer ({} and {})", full(key),
                                all->front(), one),
                    at_byte(gguf_.file(), value.offset),
                    "Models whose layers differ in shape are not supported");
    }
    out = static_cast<int32_t>(all->front());
    return {};
  }

  const Gguf& gguf_;
  std::string architecture_;
};

Status read_rope(const Keys& keys, const ModelFile& tensors, ModelConfig& config) {
  RopeConfig& rope = config.rope;
  RETURN_IF_ERROR(keys.read("rope.freq_base", rope.theta));
  RETURN_IF_ERROR(keys.read("rope.dimension_count", rope.dim));
  rope.original_context = config.context;
  RETURN_IF_ERROR(keys.read("rope.scaling.original_context_length", rope.original_context));

  float factor = 0.0f;
  RETURN_IF_ERROR(keys.read("rope.scale_linear", factor));  // the key's old name
  RETURN_IF_ERROR(keys.read("rope.scaling.factor", factor));
  ASSIGN_OR_RETURN(auto type, keys.text("rope.scaling.type"));
  const std::string scaling = type.value_or("linear");  // the format's default
  if (factor == 0.0f) factor = 1.0f;
  if (scaling == "none" || (scaling == "linear" && factor == 1.0f)) {
    rope.scaling = RopeScaling::kNone;
  } else if (scaling == "linear") {
    rope.scaling = RopeScaling::kLinear;
    rope.factor = factor;
  } else if (scaling == "yarn") {
    rope.scaling = RopeScaling::kYarn;
    rope.factor = factor;
    RETURN_IF_ERROR(keys.read("rope.scaling.yarn_beta_fast", rope.beta_fast));
    RETURN_IF_ERROR(keys.read("rope.scaling.yarn_beta_slow", rope.beta_slow));
    // GGUF has no key for mscale, only one for mscale_all_dim, and it holds a tenth of it. Every
    // published DeepSeek model has mscale == mscale_all_dim, which makes the factor on cos and
    // sin 1.
    float log_multiplier = 0.0f;
    RETURN_IF_ERROR(keys.read("rope.scaling.yarn_log_multiplier", log_multiplier));
    rope.mscale_all_dim = log_multiplier == 0.0f ? 0.0f : log_multiplier / 0.1f;
    rope.mscale = rope.mscale_all_dim;
    // attn_factor multiplies YaRN's own factor; yarn_attn_factor is Hugging Face's attention_factor
    // and replaces it.
    if (keys.has("rope.scaling.yarn_attn_factor")) {
      float whole = 1.0f;
      RETURN_IF_ERROR(keys.read("rope.scaling.yarn_attn_factor", whole));
      rope.attention_factor = whole;
    } else if (keys.has("rope.scaling.attn_factor")) {
      float times = 1.0f;
      RETURN_IF_ERROR(keys.read("rope.scaling.attn_factor", times));
      const bool plain = rope.mscale_all_dim == 0.0f && factor > 1.0f;
      rope.attention_factor = times * (plain ? 0.1f * std::log(factor) + 1.0f : 1.0f);
    }
  } else {
    return fail(Code::kUnimplemented,
                fmt::format("rope scaling of type '{}'; none, linear and yarn are known",
                            printable(scaling)),
                keys.where("rope.scaling.type"));
  }

  if (tensors.has("rope_freqs.weight")) {
    ASSIGN_OR_RETURN(const TensorView view, tensors.tensor("rope_freqs.weight"));
    if (view.type != DType::kF32 || view.shape.rank != 1 || view.cols() < 1 || view.cols() > 65536)
      return fail(Code::kCorrupt, "tensor 'rope_freqs.weight' is not a short vector of f32",
                  tensors.path());
    RETURN_IF_ERROR(fetch_bytes(view.bytes));
    rope.freq_divisors.resize(static_cast<std::size_t>(view.cols()));
    std::memcpy(rope.freq_divisors.data(), view.bytes.data(), view.bytes.size());
  }
  return {};
}

Status read_moe(const Keys& keys, ModelConfig& config) {
  MoeConfig& moe = config.moe;
  RETURN_IF_ERROR(keys.read("expert_count", moe.experts));
  if (moe.experts == 0) return {};
  RETURN_IF_ERROR(keys.read("expert_used_count", moe.used, true));
  RETURN_IF_ERROR(keys.read("expert_shared_count", moe.shared));
  RETURN_IF_ERROR(keys.read("expert_feed_forward_length", moe.ffn, true));
  RETURN_IF_ERROR(keys.read("expert_shared_feed_forward_length", moe.shared_ffn));
  RETURN_IF_ERROR(keys.read("leading_dense_block_count", moe.dense_layers));
  RETURN_IF_ERROR(keys.read("expert_group_count", moe.groups));
  RETURN_IF_ERROR(keys.read("expert_group_used_count", moe.used_groups));
  if (moe.groups == 0) moe.groups = moe.used_groups = 1;
  RETURN_IF_ERROR(keys.read("expert_weights_norm", moe.normalize_weights));
  RETURN_IF_ERROR(keys.read("expert_weights_scale", moe.weight_scale));
  if (moe.weight_scale == 0.0f) moe.weight_scale = 1.0f;  // how the format spells "no scale"
  int32_t gating = 1;  // files older than the key are softmax models
  RETURN_IF_ERROR(keys.read("expert_gating_func", gating));
  if (gating != 1 && gating != 2) {
    return fail(
        Code::kUnimplemented,
        fmt::format("expert gating function {}; 1 (softmax) and 2 (sigmoid) are known", gating),
        keys.where("expert_gating_func"));
  }
  moe.score = gating == 2 ? RouterScore::kSigmoid : RouterScore::kSoftmax;
  moe.group_score_top2 = moe.score == RouterScore::kSigmoid;  // V3's rule; V2 takes a group's best
  return {};
}

Status read_mla(const Keys& keys, const ModelFile& tensors, ModelConfig& config) {
  MlaConfig& mla = config.mla;
  RETURN_IF_ERROR(keys.read("attention.q_lora_rank", mla.q_rank));
  if (tensors.has("blk.0.attn_q.weight"))
    mla.q_rank = 0;  // V2-Lite files may carry a meaningless key
  RETURN_IF_ERROR(keys.read("attention.kv_lora_rank", mla.kv_rank, true));
  mla.rope_dim = config.rope.dim;
  // Files from before the compressed cache give the heads' true widths as key_length and
  // value_length; newer ones put those into *_mla and the cache's widths here.
  int32_t key = config.head_dim, value = config.head_dim;
  RETURN_IF_ERROR(keys.read("attention.value_length", value));
  if (keys.has("attention.key_length_mla")) {
    RETURN_IF_ERROR(keys.read("attention.key_length_mla", key, true));
    RETURN_IF_ERROR(keys.read("attention.value_length_mla", value, true));
  }
  mla.nope_dim = key - mla.rope_dim;
  mla.value_dim = value;
  config.head_dim = key;
  config.kv_heads = config.heads;  // the file says 1: how the compressed cache looks to attention
  return {};
}

Result<int32_t> vocabulary(const Gguf& gguf, const Keys& keys, const ModelFile& tensors) {
  int32_t vocab = 0;
  if (tensors.has("token_embd.weight")) {  // what the logits will have
    ASSIGN_OR_RETURN(const TensorView view, tensors.tensor("token_embd.weight"));
    if (view.shape.rank == 2 && view.rows() <= INT32_MAX) return static_cast<int32_t>(view.rows());
  }
  RETURN_IF_ERROR(keys.read("vocab_size", vocab));
  if (vocab == 0) {
    const GgufValue* tokens = gguf.find("tokenizer.ggml.tokens");
    if (tokens != nullptr && tokens->count <= INT32_MAX)
      vocab = static_cast<int32_t>(tokens->count);
  }
  return vocab;
}

}  // namespace

Result<ModelConfig> gguf_config(const Gguf& gguf, const ModelFile& tensors) {
  ModelConfig config;
  ASSIGN_OR_RETURN(const auto architecture, gguf.get_string("general.architecture"));
  if (!architecture) {
    return fail(Code::kCorrupt, "key 'general.architecture' is missing", gguf.file(),
                "This GGUF file holds no model");
  }
  config.architecture = *architecture;
  ASSIGN_OR_RETURN(auto name, gguf.get_string("general.name"));
  config.name = name.value_or("");
  const bool qwen = config.architecture == "qwen2" || config.architecture == "qwen3";
  const bool deepseek = config.architecture == "deepseek2";
  const bool known = config.architecture == "llama" || qwen || deepseek;
  const Keys keys(gguf, config.architecture);
  ASSIGN_OR_RETURN(config.sampling.temperature, gguf.get_float("general.sampling.temp"));
  ASSIGN_OR_RETURN(config.sampling.top_p, gguf.get_float("general.sampling.top_p"));
  ASSIGN_OR_RETURN(config.sampling.min_p, gguf.get_float("general.sampling.min_p"));
  ASSIGN_OR_RETURN(config.sampling.top_k, gguf.get_int("general.sampling.top_k"));

  RETURN_IF_ERROR(keys.read("block_count", config.layers, known));
  RETURN_IF_ERROR(keys.read("context_length", config.context, known));
  RETURN_IF_ERROR(keys.read("embedding_length", config.hidden, known));
  RETURN_IF_ERROR(keys.read("attention.layer_norm_rms_epsilon", config.norm_eps, known));
  ASSIGN_OR_RETURN(config.vocab, vocabulary(gguf, keys, tensors));
  config.tied_embeddings = tensors.has("token_embd.weight") && !tensors.has("output.weight");
  if (!known) return config;

  RETURN_IF_ERROR(keys.read("feed_forward_length", config.ffn));
  RETURN_IF_ERROR(keys.read("attention.head_count", config.heads, true));
  config.kv_heads = config.heads;
  RETURN_IF_ERROR(keys.read("attention.head_count_kv", config.kv_heads));
  int32_t next_token_layers = 0;  // multi-token prediction, appended behind the model's layers
  RETURN_IF_ERROR(keys.read("nextn_predict_layers", next_token_layers));
  config.layers -= next_token_layers;
  if (config.heads > 0) config.head_dim = config.hidden / config.heads;
  RETURN_IF_ERROR(keys.read("attention.key_length", config.head_dim));
  config.rope.dim = config.head_dim;
  config.rope.style = qwen ? RopeStyle::kHalves : RopeStyle::kInterleaved;
  RETURN_IF_ERROR(read_rope(keys, tensors, config));
  RETURN_IF_ERROR(read_moe(keys, config));
  if (deepseek) RETURN_IF_ERROR(read_mla(keys, tensors, config));
  RETURN_IF_ERROR(validate(config, gguf.file()));
  return config;
}

}  // namespace holdfast
