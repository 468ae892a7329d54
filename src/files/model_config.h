// What a model file says about its architecture, in one form for GGUF metadata and Hugging Face's
// config.json.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast {

enum class RopeStyle {
  kHalves,       // rotates (x[i], x[i + d/2]): Hugging Face's Llama, Qwen ("NeoX")
  kInterleaved,  // rotates (x[2i], x[2i + 1]): GGUF's llama (its Q and K rows are permuted),
                 // DeepSeek
};

enum class RopeScaling { kNone, kLinear, kYarn, kLlama3 };

struct RopeConfig {
  RopeStyle style = RopeStyle::kHalves;
  float theta = 10000.0f;
  int32_t dim = 0;  // rotated values of each head
  RopeScaling scaling = RopeScaling::kNone;
  float factor = 1.0f;
  int32_t original_context = 0;
  // YaRN (arXiv 2309.00071). The factor on cos and sin is attention_factor when given, else derived
  // from mscale and mscale_all_dim as DeepSeek's code does (0 = not given).
  float beta_fast = 32.0f, beta_slow = 1.0f;
  float mscale = 0.0f, mscale_all_dim = 0.0f;
  std::optional<float> attention_factor;
  // Llama 3.1.
  float low_freq_factor = 1.0f, high_freq_factor = 4.0f;
  // GGUF's rope_freqs.weight: divides the frequency of each pair (already holds Llama 3.1's
  // scaling); empty = none.
  std::vector<float> freq_divisors;
};

enum class RouterScore { kSoftmax, kSigmoid };

struct MoeConfig {  // experts == 0: a dense model
  int32_t experts = 0, used = 0, shared = 0;
  int32_t ffn = 0;           // hidden width of one expert
  int32_t shared_ffn = 0;    // hidden width of all shared experts together (0: ffn * shared)
  int32_t dense_layers = 0;  // the first layers have a plain FFN
  int32_t groups = 1, used_groups = 1;
  RouterScore score = RouterScore::kSoftmax;
  bool group_score_top2 = false;  // a group's score: sum of its two best (V3) or its best (V2)
  bool normalize_weights = false;
  float weight_scale = 1.0f;  // routed_scaling_factor
};

struct MlaConfig {     // kv_rank == 0: plain attention
  int32_t q_rank = 0;  // 0: queries are projected directly (V2-Lite)
  int32_t kv_rank = 0;
  int32_t nope_dim = 0, rope_dim = 0, value_dim = 0;  // of each head
};

enum class Pooling { kNone, kMean, kCls, kLast };
// "mean", "cls" or "last"; "none".
std::string_view pooling_name(Pooling pooling);
std::optional<Pooling> find_pooling(std::string_view name);

// What becomes of the final hidden states, as far as the file says (Hugging Face: the modules of
// sentence-transformers), and what only encoders have.
struct EncoderConfig {
  Pooling pooling = Pooling::kNone;
  bool normalize = false;   // embeddings have length 1
  int32_t most_tokens = 0;  // of one text; 0: the context
  int32_t token_types = 0;  // segments a token can belong to
  bool shortens = false;    // the first dimensions of an embedding are one too (arXiv 2205.13147)
  int32_t labels = 0;       // outputs of a classifier over the first token; 0: there is none
};

// How the model's makers want it sampled, as far as the file says (GGUF: general.sampling.*;
// Hugging Face: generation_config.json).
struct SamplingDefaults {
  std::optional<float> temperature, top_p, min_p;
  std::optional<int32_t> top_k;
};

struct ModelConfig {
  std::string architecture;  // "llama", "qwen2", "qwen3", "deepseek2" (V2, V3 and R1, as GGUF names
                             // them), "bert"
  std::string name;  // for people; may be empty
  int32_t layers = 0;
  int32_t hidden = 0;
  int32_t ffn = 0;
  int32_t heads = 0, kv_heads = 0;
  int32_t head_dim = 0;
  int32_t vocab = 0;
  int32_t context = 0;  // longest the model was made for
  float norm_eps = 1e-5f;
  bool tied_embeddings = false;  // no output.weight: the embedding serves as the output matrix
  RopeConfig rope;
  MoeConfig moe;
  MlaConfig mla;
  EncoderConfig encoder;
  SamplingDefaults sampling;

  // Reads whole texts in both directions and generates nothing.
  bool is_encoder() const { return architecture == "bert"; }
};

// Refuses sizes that no model has or that contradict each other (heads that kv_heads does not
// divide, more experts used than there are, ...): corrupt, naming the field; `where` says in which
// file.
Status validate(const ModelConfig& config, const std::string& where);

}  // namespace holdfast
