#include "files/gguf_metadata.h"

#include <cmath>

#include <fmt/format.h>

namespace holdfast {
namespace {

class Keys {
 public:
  Keys(const std::string& architecture, GgufWriter& writer)
      : architecture_(architecture), writer_(writer) {}
  void put(std::string_view key, int32_t value) {
    writer_.set_u32(full(key), static_cast<uint32_t>(value));
  }
  void put(std::string_view key, float value) { writer_.set_f32(full(key), value); }
  void put_bool(std::string_view key, bool value) { writer_.set_bool(full(key), value); }
  void put_text(std::string_view key, std::string_view value) {
    writer_.set_string(full(key), value);
  }

 private:
  std::string full(std::string_view key) const { return fmt::format("{}.{}", architecture_, key); }
  const std::string& architecture_;
  GgufWriter& writer_;
};

void put_rope(const RopeConfig& rope, Keys& keys) {
  keys.put("rope.dimension_count", rope.dim);
  keys.put("rope.freq_base", rope.theta);
  if (rope.scaling == RopeScaling::kLinear) {
    keys.put_text("rope.scaling.type", "linear");
    keys.put("rope.scaling.factor", rope.factor);
  }
  // Llama 3's scaling is written as the tensor rope_freqs.weight instead.
  if (rope.scaling != RopeScaling::kYarn) return;
  keys.put_text("rope.scaling.type", "yarn");
  keys.put("rope.scaling.factor", rope.factor);
  keys.put("rope.scaling.original_context_length", rope.original_context);
  keys.put("rope.scaling.yarn_beta_fast", rope.beta_fast);
  keys.put("rope.scaling.yarn_beta_slow", rope.beta_slow);
  if (rope.mscale_all_dim != 0.0f)
    keys.put("rope.scaling.yarn_log_multiplier", 0.1f * rope.mscale_all_dim);
  std::optional<float> whole = rope.attention_factor;
  if (!whole && rope.mscale != 0.0f && rope.mscale_all_dim != 0.0f &&
      rope.mscale != rope.mscale_all_dim) {  // GGUF has no key for mscale
    const float log_factor = rope.factor > 1.0f ? std::log(rope.factor) : 0.0f;
    whole =
        (0.1f * rope.mscale * log_factor + 1.0f) / (0.1f * rope.mscale_all_dim * log_factor + 1.0f);
  }
  if (whole) keys.put("rope.scaling.yarn_attn_factor", *whole);
}

void put_moe(const MoeConfig& moe, Keys& keys) {
  keys.put("expert_count", moe.experts);
  keys.put("expert_used_count", moe.used);
  keys.put("expert_shared_count", moe.shared);
  keys.put("expert_feed_forward_length", moe.ffn);
  keys.put("leading_dense_block_count", moe.dense_layers);
  if (moe.shared_ffn != 0) keys.put("expert_shared_feed_forward_length", moe.shared_ffn);
  if (moe.groups > 1) {
    keys.put("expert_group_count", moe.groups);
    keys.put("expert_group_used_count", moe.used_groups);
  }
  keys.put("expert_gating_func", moe.score == RouterScore::kSigmoid ? 2 : 1);
  keys.put_bool("expert_weights_norm", moe.normalize_weights);
  keys.put("expert_weights_scale", moe.weight_scale);
}

void put_mla(const ModelConfig& config, Keys& keys) {
  const MlaConfig& mla = config.mla;
  if (mla.q_rank > 0) keys.put("attention.q_lora_rank", mla.q_rank);
  keys.put("attention.kv_lora_rank", mla.kv_rank);
  keys.put("attention.key_length", mla.kv_rank + mla.rope_dim);
  keys.put("attention.value_length", mla.kv_rank);
  keys.put("attention.key_length_mla", mla.nope_dim + mla.rope_dim);
  keys.put("attention.value_length_mla", mla.value_dim);
}

void put_sampling(const SamplingDefaults& sampling, GgufWriter& writer) {
  if (sampling.temperature) writer.set_f32("general.sampling.temp", *sampling.temperature);
  if (sampling.top_p) writer.set_f32("general.sampling.top_p", *sampling.top_p);
  if (sampling.min_p) writer.set_f32("general.sampling.min_p", *sampling.min_p);
  if (sampling.top_k) writer.set_i32("general.sampling.top_k", *sampling.top_k);
}

}  // namespace

void put_config(const ModelConfig& config, GgufWriter& writer) {
  writer.set_string("general.architecture", config.architecture);
  writer.set_string("general.type", "model");
  if (!config.name.empty()) writer.set_string("general.name", config.name);
  put_sampling(config.sampling, writer);
  Keys keys(config.architecture, writer);
  keys.put("block_count", config.layers);
  keys.put("context_length", config.context);
  keys.put("embedding_length", config.hidden);
  keys.put("feed_forward_length", config.ffn);
  keys.put("attention.head_count", config.heads);
  const bool mla = config.mla.kv_rank != 0;
  // To attention over the compressed cache all heads share one key.
  keys.put("attention.head_count_kv", mla ? 1 : config.kv_heads);
  keys.put("attention.layer_norm_rms_epsilon", config.norm_eps);
  keys.put("vocab_size", config.vocab);
  put_rope(config.rope, keys);
  if (mla) {
    put_mla(config, keys);
  } else {
    keys.put("attention.key_length", config.head_dim);
    keys.put("attention.value_length", config.head_dim);
  }
  if (config.moe.experts > 0) put_moe(config.moe, keys);
  if (config.moe.experts == 0 && mla) {  // llama.cpp wants the keys of a model without experts, too
    keys.put("leading_dense_block_count", config.layers);
    keys.put("expert_shared_count", 0);
    keys.put("expert_feed_forward_length", config.ffn);
  }
}

void put_tokenizer(const TokenizerData& tokenizer, GgufWriter& writer) {
  if (!tokenizer.model.empty()) writer.set_string("tokenizer.ggml.model", tokenizer.model);
  if (!tokenizer.pre.empty()) writer.set_string("tokenizer.ggml.pre", tokenizer.pre);
  if (!tokenizer.tokens.empty()) writer.set_strings("tokenizer.ggml.tokens", tokenizer.tokens);
  if (!tokenizer.scores.empty()) writer.set_f32s("tokenizer.ggml.scores", tokenizer.scores);
  if (!tokenizer.types.empty()) writer.set_i32s("tokenizer.ggml.token_type", tokenizer.types);
  if (!tokenizer.merges.empty()) writer.set_strings("tokenizer.ggml.merges", tokenizer.merges);
  const auto put_id = [&](std::string_view name, const std::optional<int32_t>& id) {
    if (id)
      writer.set_u32(fmt::format("tokenizer.ggml.{}_token_id", name), static_cast<uint32_t>(*id));
  };
  put_id("bos", tokenizer.bos);
  put_id("eos", tokenizer.eos);
  put_id("eot", tokenizer.eot);
  put_id("unknown", tokenizer.unk);
  put_id("padding", tokenizer.pad);
  if (tokenizer.add_bos) writer.set_bool("tokenizer.ggml.add_bos_token", *tokenizer.add_bos);
  if (tokenizer.add_eos) writer.set_bool("tokenizer.ggml.add_eos_token", *tokenizer.add_eos);
  if (tokenizer.add_space_prefix)
    writer.set_bool("tokenizer.ggml.add_space_prefix", *tokenizer.add_space_prefix);
  if (!tokenizer.chat_template.empty())
    writer.set_string("tokenizer.chat_template", tokenizer.chat_template);
}

}  // namespace holdfast
