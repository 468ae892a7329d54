// The JSON texts of a Hugging Face directory, written from a model's configuration and tokenizer.

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "files/hf_export.h"
#include "files/json_writer.h"
#include "files/tokenizer_arrays.h"

namespace holdfast {
namespace {

struct Family {
  std::string_view architecture, model_type, class_name;
};
constexpr std::array kFamilies{Family{"llama", "llama", "LlamaForCausalLM"},
                               Family{"qwen2", "qwen2", "Qwen2ForCausalLM"},
                               Family{"qwen3", "qwen3", "Qwen3ForCausalLM"}};

Family family_of(const ModelConfig& config) {
  for (const Family& family : kFamilies) {
    if (family.architecture == config.architecture) return family;
  }
  const bool v3 = config.moe.experts > 0 && config.moe.score == RouterScore::kSigmoid;
  return v3 ? Family{"deepseek2", "deepseek_v3", "DeepseekV3ForCausalLM"}
            : Family{"deepseek2", "deepseek_v2", "DeepseekV2ForCausalLM"};
}

// GGUF holds only the divisors that Llama 3.1's scaling comes to. The published models differ in
// `factor` alone, so that is found and the rest checked.
bool find_llama3(const RopeConfig& rope, RopeConfig& out) {
  out = rope;
  out.scaling = RopeScaling::kLlama3;
  out.low_freq_factor = 1.0f;
  out.high_freq_factor = 4.0f;
  out.factor = *std::ranges::max_element(rope.freq_divisors);
  for (out.original_context = 32; out.original_context <= (1 << 20); out.original_context *= 2) {
    const std::vector<float> divisors = llama3_divisors(out);
    const bool same = std::ranges::equal(divisors, rope.freq_divisors, [](float a, float b) {
      return std::fabs(a - b) <= 1e-4f * std::fabs(b);
    });
    if (same) return true;
  }
  return false;
}

Status put_rope(const ModelConfig& config, JsonWriter& json) {
  RopeConfig rope = config.rope;
  json.key("rope_theta").value(rope.theta);
  if (!rope.freq_divisors.empty() && !find_llama3(config.rope, rope)) {
    return fail(Code::kUnimplemented,
                "the model's rope_freqs.weight is not Llama 3.1's scaling, and config.json has no "
                "other way to say it",
                "rope_freqs.weight");
  }
  json.key("rope_scaling");
  if (rope.scaling == RopeScaling::kNone) {
    json.null();
    return {};
  }
  json.begin_object().key("factor").value(rope.factor);
  switch (rope.scaling) {
    case RopeScaling::kLinear:
      json.key("rope_type").value("linear");
      break;
    case RopeScaling::kYarn:
      json.key("rope_type").value("yarn");
      json.key("original_max_position_embeddings").value(rope.original_context);
      json.key("beta_fast").value(rope.beta_fast).key("beta_slow").value(rope.beta_slow);
      if (rope.mscale != 0.0f) json.key("mscale").value(rope.mscale);
      if (rope.mscale_all_dim != 0.0f) json.key("mscale_all_dim").value(rope.mscale_all_dim);
      if (rope.attention_factor) json.key("attention_factor").value(*rope.attention_factor);
      break;
    default:
      json.key("rope_type").value("llama3");
      json.key("original_max_position_embeddings").value(rope.original_context);
      json.key("low_freq_factor").value(rope.low_freq_factor);
      json.key("high_freq_factor").value(rope.high_freq_factor);
  }
  json.end_object();
  return {};
}

void put_deepseek(const ModelConfig& config, JsonWriter& json) {
  const MlaConfig& mla = config.mla;
  json.key("q_lora_rank");
  if (mla.q_rank > 0) {
    json.value(mla.q_rank);
  } else {
    json.null();
  }
  json.key("kv_lora_rank").value(mla.kv_rank);
  json.key("qk_nope_head_dim").value(mla.nope_dim).key("qk_rope_head_dim").value(mla.rope_dim);
  json.key("v_head_dim").value(mla.value_dim).key("rope_interleave").value(true);
  const MoeConfig& moe = config.moe;
  json.key("n_routed_experts");
  if (moe.experts == 0) {
    json.null();
    json.key("first_k_dense_replace").value(config.layers);
    return;
  }
  const bool sigmoid = moe.score == RouterScore::kSigmoid;
  json.value(moe.experts).key("num_experts_per_tok").value(moe.used);
  json.key("n_shared_experts").value(moe.shared).key("moe_intermediate_size").value(moe.ffn);
  json.key("first_k_dense_replace").value(moe.dense_layers).key("moe_layer_freq").value(1);
  json.key("n_group").value(moe.groups).key("topk_group").value(moe.used_groups);
  json.key("topk_method")
      .value(sigmoid          ? "noaux_tc"
             : moe.groups > 1 ? "group_limited_greedy"
                              : "greedy");
  json.key("scoring_func").value(sigmoid ? "sigmoid" : "softmax");
  json.key("norm_topk_prob").value(moe.normalize_weights);
  json.key("routed_scaling_factor").value(moe.weight_scale);
}

void put_id(JsonWriter& json, std::string_view key, const std::optional<int32_t>& id) {
  if (id) json.key(key).value(*id);
}

void put_token(JsonWriter& json, std::string_view key, const TokenizerData& tokenizer,
               const std::optional<int32_t>& id) {
  if (id && static_cast<std::size_t>(*id) < tokenizer.tokens.size())
    json.key(key).value(tokenizer.tokens[static_cast<std::size_t>(*id)]);
}

void put_pretokenizer(const TokenizerData& tokenizer, const std::vector<std::string>& patterns,
                      JsonWriter& json) {
  const bool own_pattern = tokenizer.pre == "gpt-2";
  json.key("pre_tokenizer").begin_object().key("type").value("Sequence");
  json.key("pretokenizers").begin_array();
  for (const std::string& pattern : patterns) {
    if (own_pattern) break;
    json.begin_object().key("type").value("Split").key("pattern").begin_object();
    json.key("Regex").value(pattern).end_object();
    json.key("behavior").value("Isolated").key("invert").value(false).end_object();
  }
  json.begin_object().key("type").value("ByteLevel").key("add_prefix_space").value(false);
  json.key("trim_offsets").value(true).key("use_regex").value(own_pattern).end_object();
  json.end_array().end_object();
}

void put_byte_level(std::string_view key, JsonWriter& json) {
  json.key(key).begin_object().key("type").value("ByteLevel").key("add_prefix_space").value(true);
  json.key("trim_offsets").value(true).key("use_regex").value(true).end_object();
}

void put_bos_template(const TokenizerData& tokenizer, JsonWriter& json) {
  const std::string& bos = tokenizer.tokens[static_cast<std::size_t>(*tokenizer.bos)];
  const auto special = [&](int type) {
    json.begin_object().key("SpecialToken").begin_object().key("id").value(bos);
    json.key("type_id").value(type).end_object().end_object();
  };
  const auto sequence = [&](const char* id, int type) {
    json.begin_object().key("Sequence").begin_object().key("id").value(id);
    json.key("type_id").value(type).end_object().end_object();
  };
  json.key("post_processor").begin_object().key("type").value("TemplateProcessing");
  json.key("single").begin_array();
  special(0);
  sequence("A", 0);
  json.end_array().key("pair").begin_array();
  special(0);
  sequence("A", 0);
  special(1);
  sequence("B", 1);
  json.end_array().key("special_tokens").begin_object().key(bos).begin_object();
  json.key("id").value(bos).key("ids").begin_array().value(*tokenizer.bos).end_array();
  json.key("tokens").begin_array().value(bos).end_array().end_object().end_object().end_object();
}

}  // namespace

Result<std::string> hf_config_text(const ModelConfig& config, DType type,
                                   const TokenizerData& tokenizer) {
  const Family family = family_of(config);
  JsonWriter json(2);
  json.begin_object().key("architectures").begin_array().value(family.class_name).end_array();
  json.key("model_type").value(family.model_type).key("hidden_act").value("silu");
  json.key("torch_dtype")
      .value(type == DType::kF32   ? "float32"
             : type == DType::kF16 ? "float16"
                                   : "bfloat16");
  json.key("vocab_size").value(config.vocab).key("hidden_size").value(config.hidden);
  json.key("intermediate_size").value(config.ffn);
  json.key("num_hidden_layers").value(config.layers);
  json.key("num_attention_heads").value(config.heads);
  json.key("num_key_value_heads").value(config.kv_heads);
  json.key("max_position_embeddings").value(config.context);
  json.key("rms_norm_eps").value(config.norm_eps);
  json.key("tie_word_embeddings").value(config.tied_embeddings);
  put_id(json, "bos_token_id", tokenizer.bos);
  put_id(json, "eos_token_id", tokenizer.eos);
  if (config.mla.kv_rank != 0) {
    put_deepseek(config, json);
  } else {
    json.key("head_dim").value(config.head_dim);
  }
  RETURN_IF_ERROR(put_rope(config, json));
  json.end_object();
  return json.text() + "\n";
}

std::string hf_tokenizer_text(const TokenizerData& tokenizer) {
  const std::vector<std::string> patterns = pretokenizer_patterns(tokenizer.pre);
  if (tokenizer.model != "gpt2" || patterns.empty() ||
      tokenizer.types.size() != tokenizer.tokens.size())
    return "";
  JsonWriter json(1);
  json.begin_object().key("version").value("1.0").key("truncation").null().key("padding").null();
  json.key("added_tokens").begin_array();
  for (std::size_t i = 0; i < tokenizer.tokens.size(); ++i) {
    const int32_t type = tokenizer.types[i];
    if (type != 2 && type != 3 && type != 4) continue;
    json.begin_object().key("id").value(i).key("content").value(tokenizer.tokens[i]);
    for (const char* flag : {"single_word", "lstrip", "rstrip", "normalized"})
      json.key(flag).value(false);
    json.key("special").value(type != 4).end_object();
  }
  json.end_array().key("normalizer");
  if (tokenizer.pre == "qwen2" || tokenizer.pre == "deepseek-r1-qwen") {
    json.begin_object().key("type").value("NFC").end_object();
  } else {
    json.null();
  }
  put_pretokenizer(tokenizer, patterns, json);
  if (tokenizer.add_bos.value_or(false) && tokenizer.bos) {
    put_bos_template(tokenizer, json);
  } else {
    put_byte_level("post_processor", json);
  }
  put_byte_level("decoder", json);
  json.key("model").begin_object().key("type").value("BPE");
  for (const char* none :
       {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"})
    json.key(none).null();
  json.key("fuse_unk").value(false).key("byte_fallback").value(false);
  json.key("ignore_merges").value(tokenizer.pre == "llama-bpe");
  json.key("vocab").begin_object();
  for (std::size_t i = 0; i < tokenizer.tokens.size(); ++i) {
    if (tokenizer.types[i] == 1) json.key(tokenizer.tokens[i]).value(i);
  }
  json.end_object().key("merges").begin_array();
  for (const std::string& merge : tokenizer.merges) json.value(merge);
  json.end_array().end_object().end_object();
  return json.text() + "\n";
}

std::string hf_tokenizer_config_text(const TokenizerData& tokenizer, const ModelConfig& config) {
  JsonWriter json(2);
  json.begin_object().key("tokenizer_class").value("PreTrainedTokenizerFast");
  json.key("model_max_length").value(config.context);
  json.key("clean_up_tokenization_spaces").value(false);
  put_token(json, "bos_token", tokenizer, tokenizer.bos);
  put_token(json, "eos_token", tokenizer, tokenizer.eos);
  put_token(json, "pad_token", tokenizer, tokenizer.pad);
  put_token(json, "unk_token", tokenizer, tokenizer.unk);
  if (tokenizer.add_bos) json.key("add_bos_token").value(*tokenizer.add_bos);
  if (tokenizer.add_eos) json.key("add_eos_token").value(*tokenizer.add_eos);
  if (!tokenizer.chat_template.empty()) json.key("chat_template").value(tokenizer.chat_template);
  json.end_object();
  return json.text() + "\n";
}

std::string hf_generation_config_text(const TokenizerData& tokenizer, const ModelConfig& config) {
  JsonWriter json(2);
  json.begin_object();
  put_id(json, "bos_token_id", tokenizer.bos);
  if (tokenizer.eos && tokenizer.eot && *tokenizer.eos != *tokenizer.eot) {
    json.key("eos_token_id").begin_array().value(*tokenizer.eos).value(*tokenizer.eot).end_array();
  } else {
    put_id(json, "eos_token_id", tokenizer.eos);
  }
  const SamplingDefaults& sampling = config.sampling;
  if (sampling.temperature)
    json.key("do_sample").value(true).key("temperature").value(*sampling.temperature);
  if (sampling.top_p) json.key("top_p").value(*sampling.top_p);
  if (sampling.min_p) json.key("min_p").value(*sampling.min_p);
  if (sampling.top_k) json.key("top_k").value(*sampling.top_k);
  json.end_object();
  return json.text() + "\n";
}

}  // namespace holdfast
