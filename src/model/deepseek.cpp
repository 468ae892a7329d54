#include "model/deepseek.h"

#include <algorithm>
#include <deque>
#include <vector>

#include "model/layers.h"
#include "model/rope_table.h"
#include "model/weight_loader.h"

namespace holdfast {
namespace {

// Names as in the papers: W^DQ, W^UQ, W^DKV with W^KR, W^UK, W^UV, W^O.
struct Layer {
  VectorPtr attention_norm;
  WeightPtr q_down, q_up;  // [q_rank, hidden], [heads * (nope + rope), q_rank]
  VectorPtr q_norm;        // [q_rank]
  WeightPtr q;             // [heads * (nope + rope), hidden], instead of the three (V2-Lite)
  WeightPtr kv_down;       // [kv_rank + rope, hidden]
  VectorPtr kv_norm;       // [kv_rank]
  std::vector<WeightPtr> k_up_transposed;  // each head's [kv_rank, nope]
  std::vector<WeightPtr> v_up;             // each head's [value, kv_rank]
  WeightPtr o;                             // [hidden, heads * value]

  VectorPtr ffn_norm;
  GatedFfn ffn;    // the plain one of the first layers, or the shared experts as one
  MoeWeights moe;  // no experts in the first layers
};

// Multi-head latent attention and DeepSeekMoE: arXiv 2405.04434 (V2), sections 2.1 and 2.2;
// arXiv 2412.19437 (V3), section 2.1.
class DeepSeek final : public Model {
 public:
  DeepSeek(const ModelConfig& config, Backend& backend);

  void load(WeightLoader& load);
  const ModelConfig& config() const override { return c_; }
  KvSpec kv_spec() const override {
    return {.layers = c_.layers, .k_width = latent_, .v_width = 0, .kv_heads = 1};
  }
  Mat forward(const Batch& batch, KvCache& cache) override;

 private:
  struct Scratch;
  void load_attention(WeightLoader& load, int32_t i, Layer& layer);
  void load_ffn(WeightLoader& load, int32_t i, Layer& layer);
  void attend(int32_t i, const Layer& layer, const Batch& batch, KvCache& cache, const Scratch& s);
  void feed_forward(const Layer& layer, Mat x, const Scratch& s);

  const ModelConfig c_;
  const MlaConfig m_;
  Backend& backend_;
  const RopeTable rope_;
  const float softmax_scale_;
  const int64_t key_;         // nope + rope: one head of a query
  const int64_t latent_;      // kv_rank + rope: what the cache holds of a token
  const int32_t shared_ffn_;  // width of all shared experts as one
  const MoeParams routing_;
  Ends ends_;
  std::vector<Layer> layers_;
  std::deque<std::vector<std::byte>> owned_;  // under the transposed weights
};

MoeParams routing(const MoeConfig& moe) {
  return {.used = moe.used,
          .groups = moe.groups,
          .used_groups = moe.used_groups,
          .sigmoid = moe.score == RouterScore::kSigmoid,
          .group_score_top2 = moe.group_score_top2,
          .normalize_weights = moe.normalize_weights,
          .weight_scale = moe.weight_scale};
}

DeepSeek::DeepSeek(const ModelConfig& config, Backend& backend)
    : c_(config),
      m_(config.mla),
      backend_(backend),
      rope_(make_rope_table(config.rope)),
      softmax_scale_(mla_softmax_scale(config.mla, config.rope)),
      key_(m_.nope_dim + m_.rope_dim),
      latent_(m_.kv_rank + m_.rope_dim),
      shared_ffn_(config.moe.shared_ffn > 0 ? config.moe.shared_ffn
                                            : config.moe.ffn * config.moe.shared),
      routing_(routing(config.moe)) {}

// ---- Loading.

void DeepSeek::load(WeightLoader& load) {
  ends_ = Ends::load(load, c_);
  layers_.resize(static_cast<std::size_t>(c_.layers));
  for (int32_t i = 0; i < c_.layers; ++i) {
    Layer& layer = layers_[static_cast<std::size_t>(i)];
    load_attention(load, i, layer);
    load_ffn(load, i, layer);
  }
  owned_ = load.take_owned();
}

void DeepSeek::load_attention(WeightLoader& load, int32_t i, Layer& layer) {
  const auto name = [i](std::string_view tensor) { return layer_name(i, tensor); };
  const int64_t q_width = c_.heads * key_;
  layer.attention_norm = load.vector(name("attn_norm.weight"), c_.hidden);
  if (m_.q_rank > 0) {
    layer.q_down = load.matrix(name("attn_q_a.weight"), m_.q_rank, c_.hidden);
    layer.q_norm = load.vector(name("attn_q_a_norm.weight"), m_.q_rank);
    layer.q_up = load.matrix(name("attn_q_b.weight"), q_width, m_.q_rank);
  } else {
    layer.q = load.matrix(name("attn_q.weight"), q_width, c_.hidden);
  }
  layer.kv_down = load.matrix(name("attn_kv_a_mqa.weight"), latent_, c_.hidden);
  layer.kv_norm = load.vector(name("attn_kv_a_norm.weight"), m_.kv_rank);
  if (load.file().has(name("attn_kv_b.weight"))) {
    // Hugging Face, and GGUFs before the split: every head's nope rows of K, then its rows of V.
    const int64_t part = m_.nope_dim + m_.value_dim;
    layer.k_up_transposed = load.head_rows_transposed(name("attn_kv_b.weight"), c_.heads, part,
                                                      m_.kv_rank, 0, m_.nope_dim);
    layer.v_up = load.head_rows(name("attn_kv_b.weight"), c_.heads, part, m_.kv_rank, m_.nope_dim,
                                m_.value_dim);
  } else {
    layer.k_up_transposed = load.stack(name("attn_k_b.weight"), c_.heads, m_.kv_rank, m_.nope_dim);
    layer.v_up = load.stack(name("attn_v_b.weight"), c_.heads, m_.value_dim, m_.kv_rank);
  }
  layer.o = load.matrix(name("attn_output.weight"), c_.hidden, int64_t{c_.heads} * m_.value_dim);
}

void DeepSeek::load_ffn(WeightLoader& load, int32_t i, Layer& layer) {
  layer.ffn_norm = load.vector(layer_name(i, "ffn_norm.weight"), c_.hidden);
  if (c_.moe.experts == 0 || i < c_.moe.dense_layers) {
    layer.ffn = GatedFfn::load(load, i, "", c_.ffn, c_.hidden);
    return;
  }
  if (c_.moe.shared > 0) {
    layer.ffn = GatedFfn::load(load, i, "_shexp", shared_ffn_, c_.hidden);
  }
  layer.moe.router = load.matrix(layer_name(i, "ffn_gate_inp.weight"), c_.moe.experts, c_.hidden);
  layer.moe.correction_bias =
      load.optional_vector(layer_name(i, "exp_probs_b.bias"), c_.moe.experts);
  layer.moe.experts.clear();
  for (int32_t e = 0; e < c_.moe.experts; ++e) {
    layer.moe.experts.push_back(load.expert(i, e, c_.moe.ffn, c_.hidden));
  }
}

// ---- The forward pass.

struct DeepSeek::Scratch {
  Mat h;         // [rows, hidden], normed
  Mat q_low;     // [rows, q_rank]
  Mat q;         // [rows, heads * (nope + rope)]
  Mat q_latent;  // [rows, heads * (kv_rank + rope)]
  Mat kv;        // [rows, kv_rank + rope]
  Mat attended;  // [rows, heads * kv_rank]
  Mat values;    // [rows, heads * value]
  Mat gate_up;   // [rows, 2 * the widest plain or shared ffn]
};

// Leaves the heads' values in s.values. The absorbed form: instead of raising the cached latent c
// to keys and values, q.(W^UK c) is computed as (W^UK^T q).c, and W^UV goes after the weighted sum.
void DeepSeek::attend(int32_t i, const Layer& layer, const Batch& batch, KvCache& cache,
                      const Scratch& s) {
  const Mat c = s.kv.columns(0, m_.kv_rank);
  if (m_.q_rank > 0) {
    const LinearJob down[] = {{layer.q_down.get(), nullptr, s.q_low},
                              {layer.kv_down.get(), nullptr, s.kv}};
    backend_.linear(s.h, down);
    backend_.rms_norm(s.q_low, *layer.q_norm, c_.norm_eps, s.q_low);
    const LinearJob up[] = {{layer.q_up.get(), nullptr, s.q}};
    backend_.linear(s.q_low, up);
  } else {
    const LinearJob direct[] = {{layer.q.get(), nullptr, s.q},
                                {layer.kv_down.get(), nullptr, s.kv}};
    backend_.linear(s.h, direct);
  }
  backend_.rms_norm(c, *layer.kv_norm, c_.norm_eps, c);
  backend_.rope(s.kv, 1, static_cast<int32_t>(latent_), m_.kv_rank, rope_, batch.positions);
  backend_.kv_append(cache, i, batch, s.kv, {});
  if (i + 1 == c_.layers && batch.logit_rows.empty()) return;

  backend_.rope(s.q, c_.heads, static_cast<int32_t>(key_), m_.nope_dim, rope_, batch.positions);
  backend_.head_linear(s.q, key_, layer.k_up_transposed, s.q_latent, latent_);
  backend_.copy(per_head(s.q, c_.heads, m_.nope_dim, m_.rope_dim),
                per_head(s.q_latent, c_.heads, m_.kv_rank, m_.rope_dim));
  backend_.mla_attention(s.q_latent, cache, i, batch,
                         {c_.heads, m_.kv_rank, m_.rope_dim, softmax_scale_}, s.attended);
  backend_.head_linear(s.attended, m_.kv_rank, layer.v_up, s.values, m_.value_dim);
}

void DeepSeek::feed_forward(const Layer& layer, Mat x, const Scratch& s) {
  const Mat normed = top_rows(s.h, x.rows);
  backend_.rms_norm(x, *layer.ffn_norm, c_.norm_eps, normed);
  if (layer.ffn.gate) layer.ffn.add_to(backend_, normed, s.gate_up, x);
  if (!layer.moe.experts.empty()) backend_.moe(normed, layer.moe, routing_, x);
}

Mat DeepSeek::forward(const Batch& batch, KvCache& cache) {
  const auto rows = static_cast<int64_t>(batch.tokens.size());
  Mat x = backend_.scratch(rows, c_.hidden);  // the residual stream
  const Scratch s{.h = backend_.scratch(rows, c_.hidden),
                  .q_low = m_.q_rank > 0 ? backend_.scratch(rows, m_.q_rank) : Mat{},
                  .q = backend_.scratch(rows, c_.heads * key_),
                  .q_latent = backend_.scratch(rows, c_.heads * latent_),
                  .kv = backend_.scratch(rows, latent_),
                  .attended = backend_.scratch(rows, int64_t{c_.heads} * m_.kv_rank),
                  .values = backend_.scratch(rows, int64_t{c_.heads} * m_.value_dim),
                  .gate_up = backend_.scratch(rows, 2 * int64_t{std::max(c_.ffn, shared_ffn_)})};

  backend_.embed(*ends_.embedding, batch.tokens, x);
  for (int32_t i = 0; i < c_.layers; ++i) {
    const Layer& layer = layers_[static_cast<std::size_t>(i)];
    backend_.rms_norm(x, *layer.attention_norm, c_.norm_eps, s.h);
    attend(i, layer, batch, cache, s);
    Mat values = s.values;
    if (i + 1 == c_.layers) {
      if (batch.logit_rows.empty()) return no_logits(c_);
      keep_logit_rows(backend_, batch, x, values);
    }
    const LinearJob o[] = {{layer.o.get(), nullptr, x, /*accumulate=*/true}};
    backend_.linear(values, o);
    feed_forward(layer, x, s);
  }
  return ends_.logits(backend_, batch, x, c_.norm_eps);
}

}  // namespace

Result<std::unique_ptr<Model>> load_deepseek(const ModelFile& file, Backend& backend,
                                             const LoadProgress& progress) {
  return load_in_two_passes<DeepSeek>(file, backend, progress);
}

}  // namespace holdfast
