#include "model/llama.h"

#include <cmath>
#include <vector>

#include "model/layers.h"
#include "model/rope_table.h"
#include "model/weight_loader.h"

namespace holdfast {
namespace {

struct Layer {
  VectorPtr attention_norm;
  WeightPtr q, k, v, o;
  VectorPtr q_bias, k_bias, v_bias, o_bias;  // rarely there
  VectorPtr ffn_norm;
  GatedFfn ffn;
};

// arXiv 2407.21783, section 3.2: a pre-norm decoder with rotary positions, grouped-query attention
// and SwiGLU.
class Llama final : public Model {
 public:
  Llama(const ModelConfig& config, Backend& backend)
      : c_(config), backend_(backend), rope_(make_rope_table(config.rope)) {}

  void load(WeightLoader& load);
  const ModelConfig& config() const override { return c_; }
  KvSpec kv_spec() const override {
    const int64_t width = int64_t{c_.kv_heads} * c_.head_dim;
    return {.layers = c_.layers, .k_width = width, .v_width = width, .kv_heads = c_.kv_heads};
  }
  Mat forward(const Batch& batch, KvCache& cache) override;

 private:
  const ModelConfig c_;
  Backend& backend_;
  const RopeTable rope_;
  Ends ends_;
  std::vector<Layer> layers_;
};

void Llama::load(WeightLoader& load) {
  const int64_t q_width = int64_t{c_.heads} * c_.head_dim;
  const int64_t kv_width = int64_t{c_.kv_heads} * c_.head_dim;
  ends_ = Ends::load(load, c_);
  layers_.resize(static_cast<std::size_t>(c_.layers));
  for (int32_t i = 0; i < c_.layers; ++i) {
    layers_[static_cast<std::size_t>(i)] = {
        .attention_norm = load.vector(layer_name(i, "attn_norm.weight"), c_.hidden),
        .q = load.matrix(layer_name(i, "attn_q.weight"), q_width, c_.hidden),
        .k = load.matrix(layer_name(i, "attn_k.weight"), kv_width, c_.hidden),
        .v = load.matrix(layer_name(i, "attn_v.weight"), kv_width, c_.hidden),
        .o = load.matrix(layer_name(i, "attn_output.weight"), c_.hidden, q_width),
        .q_bias = load.optional_vector(layer_name(i, "attn_q.bias"), q_width),
        .k_bias = load.optional_vector(layer_name(i, "attn_k.bias"), kv_width),
        .v_bias = load.optional_vector(layer_name(i, "attn_v.bias"), kv_width),
        .o_bias = load.optional_vector(layer_name(i, "attn_output.bias"), c_.hidden),
        .ffn_norm = load.vector(layer_name(i, "ffn_norm.weight"), c_.hidden),
        .ffn = GatedFfn::load(load, i, "", c_.ffn, c_.hidden)};
  }
}

Mat Llama::forward(const Batch& batch, KvCache& cache) {
  const auto rows = static_cast<int64_t>(batch.tokens.size());
  Mat x = backend_.scratch(rows, c_.hidden);  // the residual stream
  const Mat h = backend_.scratch(rows, c_.hidden);
  const Mat q = backend_.scratch(rows, int64_t{c_.heads} * c_.head_dim);
  const Mat k = backend_.scratch(rows, int64_t{c_.kv_heads} * c_.head_dim);
  const Mat v = backend_.scratch(rows, int64_t{c_.kv_heads} * c_.head_dim);
  Mat attended = backend_.scratch(rows, int64_t{c_.heads} * c_.head_dim);
  const Mat gate_up = backend_.scratch(rows, 2 * int64_t{c_.ffn});
  const AttentionParams attention{
      c_.heads, c_.kv_heads, c_.head_dim,
      static_cast<float>(1.0 / std::sqrt(static_cast<double>(c_.head_dim)))};

  backend_.embed(*ends_.embedding, batch.tokens, x);
  for (int32_t i = 0; i < c_.layers; ++i) {
    const Layer& layer = layers_[static_cast<std::size_t>(i)];

    backend_.rms_norm(x, *layer.attention_norm, c_.norm_eps, h);
    const LinearJob qkv[] = {{layer.q.get(), layer.q_bias.get(), q},
                             {layer.k.get(), layer.k_bias.get(), k},
                             {layer.v.get(), layer.v_bias.get(), v}};
    backend_.linear(h, qkv);
    backend_.rope(q, c_.heads, c_.head_dim, 0, rope_, batch.positions);
    backend_.rope(k, c_.kv_heads, c_.head_dim, 0, rope_, batch.positions);
    backend_.kv_append(cache, i, batch, k, v);
    if (i + 1 == c_.layers && batch.logit_rows.empty()) return no_logits(c_);
    backend_.attention(q, cache, i, batch, attention, attended);
    if (i + 1 == c_.layers) keep_logit_rows(backend_, batch, x, attended);
    const LinearJob o[] = {{layer.o.get(), layer.o_bias.get(), x, /*accumulate=*/true}};
    backend_.linear(attended, o);

    const Mat normed = top_rows(h, x.rows);
    backend_.rms_norm(x, *layer.ffn_norm, c_.norm_eps, normed);
    layer.ffn.add_to(backend_, normed, gate_up, x);
  }
  return ends_.logits(backend_, batch, x, c_.norm_eps);
}

}  // namespace

Result<std::unique_ptr<Model>> load_llama(const ModelFile& file, Backend& backend,
                                          const LoadProgress& progress) {
  return load_in_two_passes<Llama>(file, backend, progress);
}

}  // namespace holdfast
