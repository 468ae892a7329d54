#include <cmath>
#include <vector>

#include "base/check.h"
#include "model/config_check.h"
#include "model/encoder.h"
#include "model/layers.h"
#include "model/weight_loader.h"

namespace holdfast {
namespace {

struct Norm {
  VectorPtr weight, bias;  // [hidden]
};
struct Affine {
  WeightPtr weight;  // [out, in]
  VectorPtr bias;    // [out]
};

struct Layer {
  Affine q, k, v, o;
  Norm attention_norm;
  Affine up, down;  // [ffn, hidden], [hidden, ffn]
  Norm output_norm;
};

// BERT (arXiv 1810.04805): the encoder of "Attention Is All You Need" (arXiv 1706.03762, section
// 3.1) with learned positions and segments, GELU, and every token seeing every other. Norms stand
// behind the residual connections.
class Bert final : public Encoder {
 public:
  Bert(const ModelConfig& config, Backend& backend) : c_(config), backend_(backend) {}

  void load(WeightLoader& load);
  const ModelConfig& config() const override { return c_; }
  Mat hidden(const EncoderBatch& batch) override;
  Mat labels(const EncoderBatch& batch) override;

 private:
  void normalize(Mat x, const Norm& norm) {
    backend_.layer_norm(x, *norm.weight, *norm.bias, c_.norm_eps, x);
  }

  const ModelConfig c_;
  Backend& backend_;
  WeightPtr tokens_, positions_, segments_;  // [vocab | context | token_types, hidden]
  Norm embedding_norm_;
  std::vector<Layer> layers_;
  Affine pooler_, classifier_;  // only where there are labels
};

void Bert::load(WeightLoader& load) {
  const auto norm = [&](const std::string& name) {
    return Norm{load.vector(name + ".weight", c_.hidden), load.vector(name + ".bias", c_.hidden)};
  };
  const auto affine = [&](const std::string& name, int64_t out, int64_t in) {
    return Affine{load.matrix(name + ".weight", out, in), load.vector(name + ".bias", out)};
  };
  const int64_t h = c_.hidden;
  tokens_ = load.table("token_embd.weight", c_.vocab, h);
  positions_ = load.table("position_embd.weight", c_.context, h);
  segments_ = load.table("token_types.weight", c_.encoder.token_types, h);
  embedding_norm_ = norm("token_embd_norm");
  layers_.resize(static_cast<std::size_t>(c_.layers));
  for (int32_t i = 0; i < c_.layers; ++i) {
    Layer& layer = layers_[static_cast<std::size_t>(i)];
    layer.q = affine(layer_name(i, "attn_q"), h, h);
    layer.k = affine(layer_name(i, "attn_k"), h, h);
    layer.v = affine(layer_name(i, "attn_v"), h, h);
    layer.o = affine(layer_name(i, "attn_output"), h, h);
    layer.attention_norm = norm(layer_name(i, "attn_output_norm"));
    layer.up = affine(layer_name(i, "ffn_up"), c_.ffn, h);
    layer.down = affine(layer_name(i, "ffn_down"), h, c_.ffn);
    layer.output_norm = norm(layer_name(i, "layer_output_norm"));
  }
  if (c_.encoder.labels > 0) {
    pooler_ = affine("cls", h, h);
    classifier_ = affine("cls.output", c_.encoder.labels, h);
  }
}

Mat Bert::hidden(const EncoderBatch& batch) {
  const auto rows = static_cast<int64_t>(batch.tokens.size());
  std::vector<int32_t> positions;
  for (const RowRange& text : batch.texts) {
    CHECK(text.end - text.begin <= c_.context) << "a text longer than the positions";
    for (int32_t i = 0; i < text.end - text.begin; ++i) positions.push_back(i);
  }
  const Mat x = backend_.scratch(rows, c_.hidden);
  const Mat y = backend_.scratch(rows, c_.hidden);
  const Mat q = backend_.scratch(rows, c_.hidden);
  const Mat k = backend_.scratch(rows, c_.hidden);
  const Mat v = backend_.scratch(rows, c_.hidden);
  const Mat inner = backend_.scratch(rows, c_.ffn);
  const AttentionParams attention{
      c_.heads, c_.heads, c_.head_dim,
      static_cast<float>(1.0 / std::sqrt(static_cast<double>(c_.head_dim)))};

  backend_.embed(*tokens_, batch.tokens, x);
  backend_.embed(*segments_, batch.segments, y);
  backend_.add(x, y);
  backend_.embed(*positions_, positions, y);
  backend_.add(x, y);
  normalize(x, embedding_norm_);
  for (const Layer& layer : layers_) {
    const LinearJob qkv[] = {{layer.q.weight.get(), layer.q.bias.get(), q},
                             {layer.k.weight.get(), layer.k.bias.get(), k},
                             {layer.v.weight.get(), layer.v.bias.get(), v}};
    backend_.linear(x, qkv);
    backend_.full_attention(q, k, v, batch.texts, attention, y);
    const LinearJob o[] = {{layer.o.weight.get(), layer.o.bias.get(), x, /*accumulate=*/true}};
    backend_.linear(y, o);
    normalize(x, layer.attention_norm);

    const LinearJob up[] = {{layer.up.weight.get(), layer.up.bias.get(), inner}};
    backend_.linear(x, up);
    backend_.gelu(inner, inner);
    const LinearJob down[] = {
        {layer.down.weight.get(), layer.down.bias.get(), x, /*accumulate=*/true}};
    backend_.linear(inner, down);
    normalize(x, layer.output_norm);
  }
  return x;
}

// A classifier reads the first token ([CLS]), through a layer of its own.
Mat Bert::labels(const EncoderBatch& batch) {
  CHECK(c_.encoder.labels > 0) << "an encoder without labels";
  std::vector<int32_t> first;
  for (const RowRange& text : batch.texts) first.push_back(text.begin);
  const Mat x = hidden(batch);
  const auto texts = static_cast<int64_t>(first.size());
  const Mat cls = backend_.scratch(texts, c_.hidden);
  const Mat pooled = backend_.scratch(texts, c_.hidden);
  const Mat out = backend_.scratch(texts, c_.encoder.labels);
  backend_.gather_rows(x, first, cls);
  const LinearJob pooler[] = {{pooler_.weight.get(), pooler_.bias.get(), pooled}};
  backend_.linear(cls, pooler);
  backend_.tanh(pooled, pooled);
  const LinearJob classifier[] = {{classifier_.weight.get(), classifier_.bias.get(), out}};
  backend_.linear(pooled, classifier);
  return out;
}

}  // namespace

Result<std::unique_ptr<Encoder>> load_encoder(const ModelFile& file, Backend& backend,
                                              const LoadProgress& progress) {
  const ModelConfig& config = file.config();
  if (!config.is_encoder()) {
    return fail(Code::kUnimplemented,
                "the model's architecture is '" + config.architecture + "', which is no encoder",
                file.path(), "supported is: bert");
  }
  RETURN_IF_ERROR(check_config(config, file.path()));
  return load_in_two_passes<Bert, Encoder>(file, backend, progress);
}

}  // namespace holdfast
