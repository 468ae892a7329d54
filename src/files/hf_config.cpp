#include "files/hf_config.h"

#include <array>

#include <fmt/format.h>

#include "files/describe.h"
#include "files/json_fields.h"

namespace holdfast {
namespace {

struct Family {
  std::string_view model_type, architecture;
};
constexpr std::array kFamilies{
    Family{"llama", "llama"},           Family{"qwen2", "qwen2"},
    Family{"qwen3", "qwen3"},           Family{"deepseek_v2", "deepseek2"},
    Family{"deepseek_v3", "deepseek2"}, Family{"bert", "bert"}};

// Optional fields leave `out` as it is when they are missing or null.
Status read(const JsonObject& json, std::string_view key, int32_t& out, bool required = false) {
  ASSIGN_OR_RETURN(const auto found, json.get_int(key));
  if (found) out = *found;
  if (!found && required) return fail(Code::kCorrupt, "the field is missing", json.where(key));
  return {};
}
Status read(const JsonObject& json, std::string_view key, float& out) {
  ASSIGN_OR_RETURN(const auto found, json.get_float(key));
  if (found) out = *found;
  return {};
}
Status read(const JsonObject& json, std::string_view key, bool& out) {
  ASSIGN_OR_RETURN(const auto found, json.get_bool(key));
  if (found) out = *found;
  return {};
}

tl::unexpected<Error> unknown(const JsonObject& json, std::string_view key, std::string_view value,
                              std::string_view known) {
  return fail(Code::kUnimplemented,
              fmt::format("'{}' is not supported; {}", printable(value), known), json.where(key));
}

Status read_yarn(const JsonObject& scaling, RopeConfig& rope) {
  RETURN_IF_ERROR(read(scaling, "beta_fast", rope.beta_fast));
  RETURN_IF_ERROR(read(scaling, "beta_slow", rope.beta_slow));
  if (rope.beta_fast == 0.0f) rope.beta_fast = 32.0f;  // transformers: zero is "not given"
  if (rope.beta_slow == 0.0f) rope.beta_slow = 1.0f;
  RETURN_IF_ERROR(read(scaling, "mscale", rope.mscale));
  RETURN_IF_ERROR(read(scaling, "mscale_all_dim", rope.mscale_all_dim));
  ASSIGN_OR_RETURN(rope.attention_factor, scaling.get_float("attention_factor"));
  bool truncate = true;
  RETURN_IF_ERROR(read(scaling, "truncate", truncate));
  if (!truncate) return unknown(scaling, "truncate", "false", "YaRN with rounded bounds is");
  return {};
}

Status read_rope(const JsonObject& json, ModelConfig& config) {
  RopeConfig& rope = config.rope;
  float partial = 1.0f;
  RETURN_IF_ERROR(read(json, "partial_rotary_factor", partial));
  RETURN_IF_ERROR(read(json, "rope_theta", rope.theta));
  rope.original_context = config.context;
  RETURN_IF_ERROR(read(json, "original_max_position_embeddings", rope.original_context));

  ASSIGN_OR_RETURN(auto scaling, json.get_object("rope_parameters"));  // since transformers 5
  if (!scaling) {
    ASSIGN_OR_RETURN(scaling, json.get_object("rope_scaling"));
  }
  if (scaling) {
    ASSIGN_OR_RETURN(auto type, scaling->get_string("rope_type"));
    if (!type) {
      ASSIGN_OR_RETURN(type, scaling->get_string("type"));  // the key's old name
    }
    RETURN_IF_ERROR(read(*scaling, "rope_theta", rope.theta));
    RETURN_IF_ERROR(read(*scaling, "partial_rotary_factor", partial));
    RETURN_IF_ERROR(read(*scaling, "original_max_position_embeddings", rope.original_context));
    const std::string name = type.value_or("default");
    if (name == "linear") {
      rope.scaling = RopeScaling::kLinear;
    } else if (name == "yarn") {
      rope.scaling = RopeScaling::kYarn;
      RETURN_IF_ERROR(read_yarn(*scaling, rope));
    } else if (name == "llama3") {
      rope.scaling = RopeScaling::kLlama3;
      RETURN_IF_ERROR(read(*scaling, "low_freq_factor", rope.low_freq_factor));
      RETURN_IF_ERROR(read(*scaling, "high_freq_factor", rope.high_freq_factor));
    } else if (name != "default") {
      return unknown(*scaling, "rope_type", name, "default, linear, yarn and llama3 are");
    }
    if (rope.scaling != RopeScaling::kNone) {
      ASSIGN_OR_RETURN(const auto factor, scaling->get_float("factor"));
      if (factor) {
        rope.factor = *factor;
      } else if (rope.original_context > 0) {
        rope.factor =
            static_cast<float>(config.context) / static_cast<float>(rope.original_context);
      }
    }
  }
  if (partial != 1.0f)
    return unknown(json, "partial_rotary_factor", fmt::format("{}", partial), "1 is");
  return {};
}

Status read_moe(const JsonObject& json, bool v3, ModelConfig& config) {
  MoeConfig& moe = config.moe;
  RETURN_IF_ERROR(read(json, "n_routed_experts", moe.experts));
  if (moe.experts == 0) return {};
  RETURN_IF_ERROR(read(json, "num_experts_per_tok", moe.used, true));
  RETURN_IF_ERROR(read(json, "n_shared_experts", moe.shared));
  RETURN_IF_ERROR(read(json, "moe_intermediate_size", moe.ffn, true));
  RETURN_IF_ERROR(read(json, "first_k_dense_replace", moe.dense_layers));
  RETURN_IF_ERROR(read(json, "n_group", moe.groups));
  RETURN_IF_ERROR(read(json, "topk_group", moe.used_groups));
  RETURN_IF_ERROR(read(json, "norm_topk_prob", moe.normalize_weights));
  RETURN_IF_ERROR(read(json, "routed_scaling_factor", moe.weight_scale));
  int32_t every = 1;
  RETURN_IF_ERROR(read(json, "moe_layer_freq", every));
  if (every != 1) return unknown(json, "moe_layer_freq", fmt::format("{}", every), "1 is");

  // DeepSeek-V3 (arXiv 2412.19437, section 2.1.2): sigmoid scores, a group counts as its two best.
  // DeepSeek-V2 (arXiv 2405.04434, section 2.2): softmax scores, a group counts as its best.
  ASSIGN_OR_RETURN(const auto score, json.get_string("scoring_func"));
  const std::string score_name = score.value_or(v3 ? "sigmoid" : "softmax");
  if (score_name != "sigmoid" && score_name != "softmax")
    return unknown(json, "scoring_func", score_name, "softmax and sigmoid are");
  moe.score = score_name == "sigmoid" ? RouterScore::kSigmoid : RouterScore::kSoftmax;
  ASSIGN_OR_RETURN(const auto method, json.get_string("topk_method"));
  const std::string method_name = method.value_or(v3 ? "noaux_tc" : "greedy");
  if (method_name == "greedy") {
    moe.groups = moe.used_groups = 1;
  } else if (method_name == "noaux_tc") {
    moe.group_score_top2 = true;
  } else if (method_name != "group_limited_greedy") {
    return unknown(json, "topk_method", method_name,
                   "greedy, group_limited_greedy and noaux_tc are");
  }
  if (moe.groups == 0) moe.groups = moe.used_groups = 1;
  return {};
}

Status read_deepseek(const JsonObject& json, bool v3, ModelConfig& config) {
  MlaConfig& mla = config.mla;
  RETURN_IF_ERROR(read(json, "q_lora_rank", mla.q_rank));
  RETURN_IF_ERROR(read(json, "kv_lora_rank", mla.kv_rank, true));
  RETURN_IF_ERROR(read(json, "qk_nope_head_dim", mla.nope_dim, true));
  RETURN_IF_ERROR(read(json, "qk_rope_head_dim", mla.rope_dim, true));
  RETURN_IF_ERROR(read(json, "v_head_dim", mla.value_dim, true));
  config.kv_heads = config.heads;
  if (mla.nope_dim > (1 << 20) || mla.rope_dim > (1 << 20))
    return fail(Code::kCorrupt, "the field is impossibly large", json.where("qk_nope_head_dim"));
  config.head_dim = mla.nope_dim + mla.rope_dim;
  config.rope.dim = mla.rope_dim;
  bool interleaved = true;
  RETURN_IF_ERROR(read(json, "rope_interleave", interleaved));
  config.rope.style = interleaved ? RopeStyle::kInterleaved : RopeStyle::kHalves;
  return read_moe(json, v3, config);
}

Status read_quantization(const JsonObject& json, HfConfig& config) {
  ASSIGN_OR_RETURN(const auto quantization, json.get_object("quantization_config"));
  if (!quantization) return {};
  ASSIGN_OR_RETURN(const auto method, quantization->get_string("quant_method"));
  if (method.value_or("") != "fp8")
    return unknown(*quantization, "quant_method", method.value_or(""),
                   "fp8 with block scales (as DeepSeek's) is");
  ASSIGN_OR_RETURN(const auto block, quantization->get_ints("weight_block_size"));
  if (!block || block->size() != 2 || (*block)[0] != (*block)[1] || (*block)[0] < 1 ||
      (*block)[0] > (1 << 20)) {
    return fail(Code::kUnimplemented, "only square blocks that share a scale are supported",
                quantization->where("weight_block_size"));
  }
  config.scale_block = static_cast<int32_t>((*block)[0]);
  return {};
}

// Refuses what the families' code does not do.
Status check_plain(const JsonObject& json) {
  ASSIGN_OR_RETURN(const auto activation, json.get_string("hidden_act"));
  if (activation.value_or("silu") != "silu")
    return unknown(json, "hidden_act", *activation, "silu is");
  bool sliding = false;
  RETURN_IF_ERROR(read(json, "use_sliding_window", sliding));
  if (sliding) return unknown(json, "use_sliding_window", "true", "attention over all tokens is");
  ASSIGN_OR_RETURN(const auto layer_types, json.get_strings("layer_types"));
  if (layer_types) {
    for (const std::string& type : *layer_types) {
      if (type != "full_attention") return unknown(json, "layer_types", type, "full_attention is");
    }
  }
  return {};
}

Status read_bert(const JsonObject& json, ModelConfig& model) {
  ASSIGN_OR_RETURN(const auto activation, json.get_string("hidden_act"));
  if (activation.value_or("gelu") != "gelu")
    return unknown(json, "hidden_act", *activation, "gelu is");
  ASSIGN_OR_RETURN(const auto positions, json.get_string("position_embedding_type"));
  if (positions.value_or("absolute") != "absolute")
    return unknown(json, "position_embedding_type", *positions, "absolute is");
  for (const char* key : {"is_decoder", "add_cross_attention"}) {
    bool on = false;
    RETURN_IF_ERROR(read(json, key, on));
    if (on) return unknown(json, key, "true", "encoders are");
  }
  RETURN_IF_ERROR(read(json, "num_hidden_layers", model.layers, true));
  RETURN_IF_ERROR(read(json, "hidden_size", model.hidden, true));
  RETURN_IF_ERROR(read(json, "intermediate_size", model.ffn, true));
  RETURN_IF_ERROR(read(json, "num_attention_heads", model.heads, true));
  RETURN_IF_ERROR(read(json, "vocab_size", model.vocab, true));
  RETURN_IF_ERROR(read(json, "max_position_embeddings", model.context, true));
  model.kv_heads = model.heads;
  if (model.heads > 0) model.head_dim = model.hidden / model.heads;
  model.norm_eps = 1e-12f;
  RETURN_IF_ERROR(read(json, "layer_norm_eps", model.norm_eps));
  model.encoder.token_types = 2;
  return read(json, "type_vocab_size", model.encoder.token_types);
}

}  // namespace

Result<HfConfig> hf_config(const std::string& file, std::string_view text) {
  ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::parse(file, text));
  const JsonObject json = document.root();
  HfConfig config;
  ModelConfig& model = config.model;
  ASSIGN_OR_RETURN(const auto type, json.get_string("model_type"));
  if (!type) return fail(Code::kCorrupt, "the field is missing", json.where("model_type"));
  for (const Family& family : kFamilies) {
    if (family.model_type == *type) model.architecture = family.architecture;
  }
  if (model.architecture.empty())
    return unknown(json, "model_type", *type,
                   "llama, qwen2, qwen3, deepseek_v2, deepseek_v3 and bert are");
  RETURN_IF_ERROR(read(json, "is_matryoshka", model.encoder.shortens));
  if (json.has("matryoshka_dimensions")) model.encoder.shortens = true;
  if (model.architecture == "bert") {
    RETURN_IF_ERROR(read_bert(json, model));
    RETURN_IF_ERROR(validate(model, file));
    return config;
  }
  RETURN_IF_ERROR(check_plain(json));

  RETURN_IF_ERROR(read(json, "num_hidden_layers", model.layers, true));
  RETURN_IF_ERROR(read(json, "hidden_size", model.hidden, true));
  RETURN_IF_ERROR(read(json, "intermediate_size", model.ffn, true));
  RETURN_IF_ERROR(read(json, "num_attention_heads", model.heads, true));
  model.kv_heads = model.heads;
  RETURN_IF_ERROR(read(json, "num_key_value_heads", model.kv_heads));
  RETURN_IF_ERROR(read(json, "vocab_size", model.vocab, true));
  RETURN_IF_ERROR(read(json, "max_position_embeddings", model.context, true));
  model.norm_eps = 1e-6f;
  RETURN_IF_ERROR(read(json, "rms_norm_eps", model.norm_eps));
  if (model.heads > 0) model.head_dim = model.hidden / model.heads;
  if (*type == "qwen3") model.head_dim = 128;  // transformers' default for this type
  RETURN_IF_ERROR(read(json, "head_dim", model.head_dim));
  model.rope.dim = model.head_dim;
  model.rope.style = RopeStyle::kHalves;
  RETURN_IF_ERROR(read_rope(json, model));
  if (model.architecture == "deepseek2")
    RETURN_IF_ERROR(read_deepseek(json, *type == "deepseek_v3", model));
  RETURN_IF_ERROR(read(json, "tie_word_embeddings", config.tie_word_embeddings));
  RETURN_IF_ERROR(read_quantization(json, config));
  RETURN_IF_ERROR(validate(model, file));
  return config;
}

Result<SamplingDefaults> hf_sampling(const std::string& file, std::string_view text) {
  SamplingDefaults out;
  if (text.empty()) return out;
  ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::parse(file, text));
  const JsonObject json = document.root();
  ASSIGN_OR_RETURN(out.temperature, json.get_float("temperature"));
  ASSIGN_OR_RETURN(out.top_p, json.get_float("top_p"));
  ASSIGN_OR_RETURN(out.min_p, json.get_float("min_p"));
  ASSIGN_OR_RETURN(out.top_k, json.get_int("top_k"));
  return out;
}

}  // namespace holdfast
