#include "files/hf_names.h"

#include <array>
#include <charconv>

#include <fmt/format.h>

namespace holdfast {
namespace {

struct Pair {
  std::string_view hf, gguf;
};

constexpr std::array kOutside{
    Pair{"model.embed_tokens.weight", "token_embd.weight"},
    Pair{"model.norm.weight", "output_norm.weight"},
    Pair{"lm_head.weight", "output.weight"},
};

// Of BERT: behind an optional "bert.", and there behind "encoder.layer.N.".
constexpr std::array kBertOutside{
    Pair{"embeddings.word_embeddings", "token_embd"},
    Pair{"embeddings.position_embeddings", "position_embd"},
    Pair{"embeddings.token_type_embeddings", "token_types"},
    Pair{"embeddings.LayerNorm", "token_embd_norm"},
    Pair{"pooler.dense", "cls"},
    Pair{"classifier", "cls.output"},
};
constexpr std::array kBertInLayer{
    Pair{"attention.self.query", "attn_q"},
    Pair{"attention.self.key", "attn_k"},
    Pair{"attention.self.value", "attn_v"},
    Pair{"attention.output.dense", "attn_output"},
    Pair{"attention.output.LayerNorm", "attn_output_norm"},
    Pair{"intermediate.dense", "ffn_up"},
    Pair{"output.dense", "ffn_down"},
    Pair{"output.LayerNorm", "layer_output_norm"},
};

// Behind "model.layers.N." and "blk.N.". The suffix (weight or bias) stays, where none is given.
constexpr std::array kInLayer{
    Pair{"input_layernorm", "attn_norm"},
    Pair{"self_attn.q_proj", "attn_q"},
    Pair{"self_attn.k_proj", "attn_k"},
    Pair{"self_attn.v_proj", "attn_v"},
    Pair{"self_attn.o_proj", "attn_output"},
    Pair{"self_attn.q_norm", "attn_q_norm"},
    Pair{"self_attn.k_norm", "attn_k_norm"},
    Pair{"self_attn.q_a_proj", "attn_q_a"},
    Pair{"self_attn.q_a_layernorm", "attn_q_a_norm"},
    Pair{"self_attn.q_b_proj", "attn_q_b"},
    Pair{"self_attn.kv_a_proj_with_mqa", "attn_kv_a_mqa"},
    Pair{"self_attn.kv_a_layernorm", "attn_kv_a_norm"},
    Pair{"self_attn.kv_b_proj", "attn_kv_b"},
    Pair{"post_attention_layernorm", "ffn_norm"},
    Pair{"mlp.gate_proj", "ffn_gate"},
    Pair{"mlp.up_proj", "ffn_up"},
    Pair{"mlp.down_proj", "ffn_down"},
    Pair{"mlp.gate", "ffn_gate_inp"},
    Pair{"mlp.shared_experts.gate_proj", "ffn_gate_shexp"},
    Pair{"mlp.shared_experts.up_proj", "ffn_up_shexp"},
    Pair{"mlp.shared_experts.down_proj", "ffn_down_shexp"},
};

constexpr std::array kOfExpert{
    Pair{"gate_proj.weight", "ffn_gate_exps.weight"},
    Pair{"up_proj.weight", "ffn_up_exps.weight"},
    Pair{"down_proj.weight", "ffn_down_exps.weight"},
};

constexpr Pair kCorrectionBias{"mlp.gate.e_score_correction_bias", "exp_probs_b.bias"};

// Takes "123." off the front.
std::optional<int32_t> take_number(std::string_view& text) {
  int32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0 || end == text.data() + text.size() || *end != '.')
    return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return number;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// "attn_q.weight" of "self_attn.q_proj.weight", or the other way; empty for an unknown one.
std::string in_layer(std::string_view text, std::string_view Pair::*from,
                     std::string_view Pair::*to) {
  if (text == kCorrectionBias.*from) return std::string(kCorrectionBias.*to);
  const std::size_t dot = text.rfind('.');
  if (dot == std::string_view::npos) return "";
  const std::string_view suffix = text.substr(dot);
  if (suffix != ".weight" && suffix != ".bias") return "";
  for (const Pair& pair : kInLayer) {
    if (pair.*from == text.substr(0, dot)) return fmt::format("{}{}", pair.*to, suffix);
  }
  return "";
}

std::optional<GgufName> expert_name(int32_t layer, std::string_view text) {
  GgufName out;
  out.layer = layer;
  if (text == "gate_up_proj" || text == "down_proj") {  // all experts in one
    out.gate_and_up = text == "gate_up_proj";
    out.name = fmt::format("blk.{}.{}", layer,
                           out.gate_and_up ? "ffn_gate_exps.weight" : "ffn_down_exps.weight");
    return out;
  }
  const auto expert = take_number(text);
  if (!expert) return std::nullopt;
  out.expert = *expert;
  for (const Pair& pair : kOfExpert) {
    if (pair.hf == text) {
      out.name = fmt::format("blk.{}.{}", layer, pair.gguf);
      return out;
    }
  }
  return std::nullopt;
}

std::optional<GgufName> bert_name(std::string_view text) {
  take_prefix(text, "bert.");
  const std::size_t dot = text.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  std::string_view suffix = text.substr(dot);
  if (suffix == ".gamma") suffix = ".weight";  // of checkpoints that came from TensorFlow
  if (suffix == ".beta") suffix = ".bias";
  if (suffix != ".weight" && suffix != ".bias") return std::nullopt;
  text = text.substr(0, dot);
  for (const Pair& pair : kBertOutside) {
    if (pair.hf == text) return GgufName{fmt::format("{}{}", pair.gguf, suffix)};
  }
  if (!take_prefix(text, "encoder.layer.")) return std::nullopt;
  const auto layer = take_number(text);
  if (!layer) return std::nullopt;
  for (const Pair& pair : kBertInLayer) {
    if (pair.hf == text) {
      return GgufName{fmt::format("blk.{}.{}{}", *layer, pair.gguf, suffix), *layer};
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<GgufName> gguf_name(std::string_view text) {
  for (const Pair& pair : kOutside) {
    if (pair.hf == text) return GgufName{std::string(pair.gguf)};
  }
  if (!take_prefix(text, "model.layers.")) return bert_name(text);
  const auto layer = take_number(text);
  if (!layer) return std::nullopt;
  if (take_prefix(text, "mlp.experts.")) return expert_name(*layer, text);
  const std::string rest = in_layer(text, &Pair::hf, &Pair::gguf);
  if (rest.empty()) return std::nullopt;
  return GgufName{fmt::format("blk.{}.{}", *layer, rest), *layer};
}

std::optional<std::string> hf_name(std::string_view text, int32_t expert) {
  for (const Pair& pair : kOutside) {
    if (pair.gguf == text) return std::string(pair.hf);
  }
  if (!take_prefix(text, "blk.")) return std::nullopt;
  const auto layer = take_number(text);
  if (!layer) return std::nullopt;
  if (expert >= 0) {
    for (const Pair& pair : kOfExpert) {
      if (pair.gguf == text)
        return fmt::format("model.layers.{}.mlp.experts.{}.{}", *layer, expert, pair.hf);
    }
    return std::nullopt;
  }
  const std::string rest = in_layer(text, &Pair::gguf, &Pair::hf);
  if (rest.empty()) return std::nullopt;
  return fmt::format("model.layers.{}.{}", *layer, rest);
}

}  // namespace holdfast
