// The golden models as GGUF files, laid out as llama.cpp's converter lays them out.
#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <stdexcept>

#include <fmt/format.h>
#include <simdjson.h>

#include "files/gguf_writer.h"
#include "golden_model.h"

namespace holdfast {
namespace {

struct Tensor {
  std::vector<int64_t> shape;
  std::vector<float> values;
};
using Tensors = std::map<std::string, Tensor>;

// A field of config.json; 0 when missing or null.
double number(simdjson::dom::element config, std::string_view key) {
  double value = 0.0;
  return config[key].get(value) == simdjson::SUCCESS ? value : 0.0;
}
uint32_t integer(simdjson::dom::element config, std::string_view key) {
  return static_cast<uint32_t>(number(config, key));
}

// Rows of Q and K, each head's halves interleaved: (x[i], x[i + d/2]) become neighbours.
void interleave_heads(Tensor& t, int64_t heads) {
  const int64_t dim = t.shape[0] / heads, cols = t.shape[1];
  std::vector<float> out(t.values.size());
  for (int64_t row = 0; row < t.shape[0]; ++row) {
    const int64_t head = row / dim, i = row % dim;
    const int64_t from = head * dim + i % 2 * (dim / 2) + i / 2;
    std::copy_n(t.values.begin() + from * cols, cols, out.begin() + row * cols);
  }
  t.values = std::move(out);
}

// "attn_kv_b.weight" as [heads, kv_rank, nope] and [heads, value, kv_rank].
void split_kv_b(Tensors& tensors, const std::string& prefix, int64_t heads, int64_t nope,
                int64_t value) {
  const Tensor whole = tensors.extract(prefix + "attn_kv_b.weight").mapped();
  const int64_t rank = whole.shape[1];
  Tensor k{{heads, rank, nope}, {}}, v{{heads, value, rank}, {}};
  for (int64_t h = 0; h < heads; ++h) {
    const auto begin = whole.values.begin() + h * (nope + value) * rank;
    for (int64_t r = 0; r < rank; ++r) {
      for (int64_t n = 0; n < nope; ++n) k.values.push_back(begin[n * rank + r]);
    }
    v.values.insert(v.values.end(), begin + nope * rank, begin + (nope + value) * rank);
  }
  tensors[prefix + "attn_k_b.weight"] = std::move(k);
  tensors[prefix + "attn_v_b.weight"] = std::move(v);
}

void append(Tensor& stack, const Tensor& expert) {
  if (stack.shape.empty()) stack.shape = {0, expert.shape[0], expert.shape[1]};
  ++stack.shape[0];
  stack.values.insert(stack.values.end(), expert.values.begin(), expert.values.end());
}

// "model.layers.3.self_attn.q_proj.weight" -> "blk.3.attn_q.weight"
std::string gguf_name(std::string name) {
  static const std::pair<std::string, std::string> kParts[] = {
      {"model.layers.", "blk."},
      {"model.embed_tokens", "token_embd"},
      {"model.norm", "output_norm"},
      {"lm_head", "output"},
      {"input_layernorm", "attn_norm"},
      {"post_attention_layernorm", "ffn_norm"},
      {"self_attn.q_a_proj", "attn_q_a"},
      {"self_attn.q_b_proj", "attn_q_b"},
      {"self_attn.q_a_layernorm", "attn_q_a_norm"},
      {"self_attn.kv_a_proj_with_mqa", "attn_kv_a_mqa"},
      {"self_attn.kv_a_layernorm", "attn_kv_a_norm"},
      {"self_attn.kv_b_proj", "attn_kv_b"},
      {"self_attn.q_norm", "attn_q_norm"},
      {"self_attn.k_norm", "attn_k_norm"},
      {"self_attn.q_proj", "attn_q"},
      {"self_attn.k_proj", "attn_k"},
      {"self_attn.v_proj", "attn_v"},
      {"self_attn.o_proj", "attn_output"},
      {"mlp.gate.e_score_correction_bias", "exp_probs_b.bias"},
      {"mlp.gate.weight", "ffn_gate_inp.weight"},
      {"mlp.shared_experts.gate_proj", "ffn_gate_shexp"},
      {"mlp.shared_experts.up_proj", "ffn_up_shexp"},
      {"mlp.shared_experts.down_proj", "ffn_down_shexp"},
      {"mlp.gate_proj", "ffn_gate"},
      {"mlp.up_proj", "ffn_up"},
      {"mlp.down_proj", "ffn_down"},
  };
  for (const auto& [from, to] : kParts) {
    if (const auto at = name.find(from); at != std::string::npos) {
      name.replace(at, from.size(), to);
    }
  }
  return name;
}

Tensors gguf_tensors(const Golden& golden) {
  Tensors tensors;
  for (const GoldenTensor& t : golden.tensors) {
    Tensor tensor{t.shape, golden_weights(golden, t)};
    const auto experts = t.name.find("mlp.experts.");
    if (experts == std::string::npos) {
      tensors[gguf_name(t.name)] = std::move(tensor);
      continue;
    }
    // "mlp.experts.11.gate_proj.weight": stacked in the order of their numbers, as listed
    const auto part = t.name.find('.', experts + 12) + 1;
    const std::string kind = t.name.substr(part, t.name.find('_', part) - part);
    append(tensors[gguf_name(t.name.substr(0, experts) + "ffn_" + kind + "_exps.weight")], tensor);
  }
  return tensors;
}

// Llama 3.1's scaling as the divisors a GGUF carries.
Tensor rope_divisors(simdjson::dom::element config) {
  const simdjson::dom::element scaling = config["rope_scaling"];
  const double theta = number(config, "rope_theta"), factor = number(scaling, "factor");
  const double context = number(scaling, "original_max_position_embeddings");
  const double low = number(scaling, "low_freq_factor"), high = number(scaling, "high_freq_factor");
  const int64_t dim = integer(config, "hidden_size") / integer(config, "num_attention_heads");
  Tensor divisors{{dim / 2}, {}};
  for (int64_t i = 0; i < dim / 2; ++i) {
    const double wave = 2.0 * std::numbers::pi * std::pow(theta, 2.0 * double(i) / double(dim));
    const double smooth = (context / wave - low) / (high - low);
    divisors.values.push_back(static_cast<float>(
        wave < context / high
            ? 1.0
            : (wave > context / low ? factor : 1.0 / ((1.0 - smooth) / factor + smooth))));
  }
  return divisors;
}

void set_rope(simdjson::dom::element config, const std::string& arch, GgufWriter& writer,
              Tensors& tensors) {
  double theta = number(config, "rope_theta");
  simdjson::dom::element parameters;
  if (config["rope_parameters"].get(parameters) == simdjson::SUCCESS) {
    theta = number(parameters, "rope_theta");
  }
  writer.set_f32(arch + ".rope.freq_base", static_cast<float>(theta));
  simdjson::dom::element scaling;
  if (config["rope_scaling"].get(scaling) != simdjson::SUCCESS) return;
  std::string_view type;
  if (scaling["rope_type"].get(type) != simdjson::SUCCESS) type = scaling["type"];
  if (type == "llama3") {
    tensors["rope_freqs.weight"] = rope_divisors(config);
    return;
  }
  writer.set_string(arch + ".rope.scaling.type", type);
  writer.set_f32(arch + ".rope.scaling.factor", static_cast<float>(number(scaling, "factor")));
  if (type != "yarn") return;
  writer.set_u32(arch + ".rope.scaling.original_context_length",
                 integer(scaling, "original_max_position_embeddings"));
  if (number(scaling, "mscale_all_dim") != 0.0) {
    writer.set_f32(arch + ".rope.scaling.yarn_log_multiplier",
                   static_cast<float>(0.1 * number(scaling, "mscale_all_dim")));
  }
}

void set_deepseek(simdjson::dom::element config, GgufWriter& writer, Tensors& tensors) {
  const uint32_t rank = integer(config, "kv_lora_rank"), rope = integer(config, "qk_rope_head_dim");
  const uint32_t nope = integer(config, "qk_nope_head_dim"), value = integer(config, "v_head_dim");
  if (const uint32_t q_rank = integer(config, "q_lora_rank")) {
    writer.set_u32("deepseek2.attention.q_lora_rank", q_rank);
  }
  const std::pair<const char*, uint32_t> numbers[] = {
      {"rope.dimension_count", rope},
      {"attention.kv_lora_rank", rank},
      {"attention.key_length", rank + rope},
      {"attention.value_length", rank},
      {"attention.key_length_mla", nope + rope},
      {"attention.value_length_mla", value},
      {"leading_dense_block_count", integer(config, "first_k_dense_replace")},
      {"expert_count", integer(config, "n_routed_experts")},
      {"expert_used_count", integer(config, "num_experts_per_tok")},
      {"expert_shared_count", integer(config, "n_shared_experts")},
      {"expert_feed_forward_length", integer(config, "moe_intermediate_size")},
      {"expert_group_count", integer(config, "n_group")},
      {"expert_group_used_count", integer(config, "topk_group")},
      {"expert_gating_func", config["scoring_func"].get_string().value() == "sigmoid" ? 2u : 1u}};
  for (const auto& [key, number] : numbers)
    writer.set_u32(fmt::format("deepseek2.{}", key), number);
  writer.set_f32("deepseek2.expert_weights_scale",
                 static_cast<float>(number(config, "routed_scaling_factor")));
  writer.set_bool("deepseek2.expert_weights_norm", bool(config["norm_topk_prob"]));
  for (uint32_t i = 0; i < integer(config, "num_hidden_layers"); ++i) {
    split_kv_b(tensors, fmt::format("blk.{}.", i), integer(config, "num_attention_heads"), nope,
               value);
  }
}

void must(const Status& status) {
  if (!status) throw std::runtime_error(to_string(status.error()));
}

}  // namespace

void write_gguf(const Golden& golden, const std::filesystem::path& path) {
  simdjson::dom::parser parser;
  const simdjson::dom::element config = parser.parse(golden.config_json);
  const std::string_view type = config["model_type"];
  const std::string arch(type.starts_with("deepseek") ? "deepseek2" : type);
  const uint32_t heads = integer(config, "num_attention_heads");
  const uint32_t kv_heads = integer(config, "num_key_value_heads");
  Tensors tensors = gguf_tensors(golden);

  GgufWriter writer;
  writer.set_string("general.architecture", arch);
  const std::pair<const char*, uint32_t> numbers[] = {
      {"block_count", integer(config, "num_hidden_layers")},
      {"context_length", integer(config, "max_position_embeddings")},
      {"embedding_length", integer(config, "hidden_size")},
      {"feed_forward_length", integer(config, "intermediate_size")},
      {"attention.head_count", heads},
      {"attention.head_count_kv", arch == "deepseek2" ? 1 : kv_heads}};
  for (const auto& [key, number] : numbers) writer.set_u32(arch + "." + key, number);
  writer.set_f32(arch + ".attention.layer_norm_rms_epsilon",
                 static_cast<float>(number(config, "rms_norm_eps")));
  if (const uint32_t dim = integer(config, "head_dim")) {
    writer.set_u32(arch + ".attention.key_length", dim);
    writer.set_u32(arch + ".attention.value_length", dim);
  }
  set_rope(config, arch, writer, tensors);
  if (arch == "deepseek2") set_deepseek(config, writer, tensors);
  if (arch == "llama") {
    for (auto& [name, tensor] : tensors) {
      if (name.ends_with("attn_q.weight")) interleave_heads(tensor, heads);
      if (name.ends_with("attn_k.weight")) interleave_heads(tensor, kv_heads);
    }
  }

  for (const auto& [name, tensor] : tensors) {
    Shape shape{{}, static_cast<int>(tensor.shape.size())};
    std::copy(tensor.shape.begin(), tensor.shape.end(), shape.dims.begin());
    writer.add_tensor(name, DType::kF32, shape);
  }
  must(writer.begin(path.string(), OutputFile::Existing::kRefuse));
  for (const auto& [name, tensor] : tensors)
    must(writer.write(std::as_bytes(std::span(tensor.values))));
  must(writer.finish());
}

}  // namespace holdfast
