// What every decoder family has in the same form: the embedding and output matrices, and the gated
// feed-forward.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "backend/backend.h"
#include "files/model_config.h"
#include "model/model.h"
#include "model/weight_loader.h"

namespace holdfast {

// SwiGLU (arXiv 2002.05202): down(silu(gate x) * up x).
struct GatedFfn {
  WeightPtr gate, up, down;  // [ffn, hidden], [ffn, hidden], [hidden, ffn]

  // `suffix` tells the plain one ("") from the shared expert ("_shexp").
  static GatedFfn load(WeightLoader& load, int32_t layer, std::string_view suffix, int64_t ffn,
                       int64_t hidden);
  // out += ffn(x). gate_up: scratch for [x.rows, 2 * ffn] at least.
  void add_to(Backend& backend, Mat x, Mat gate_up, Mat out) const;
};

// The two ends of a decoder.
struct Ends {
  WeightPtr embedding;    // [vocab, hidden]
  VectorPtr output_norm;  // [hidden]
  WeightPtr output;       // [vocab, hidden]; the embedding itself when tied

  static Ends load(WeightLoader& load, const ModelConfig& config);
  // Logits of the rows of x: [x.rows, vocab]; or, where the batch asks for them, the normed hidden
  // states: [x.rows, hidden].
  Mat logits(Backend& backend, const Batch& batch, Mat x, float eps) const;
};

// What a step that only fills the cache returns.
inline Mat no_logits(const ModelConfig& config) { return {nullptr, 0, config.vocab, config.vocab}; }

// In the last layer only the rows that become logits go on: narrows the residual stream x and the
// attention's output to them (copies in scratch). All rows wanted: nothing happens.
void keep_logit_rows(Backend& backend, const Batch& batch, Mat& x, Mat& attended);

// Builds a family's model: F(config, backend), then F::load(loader), once to check and once to
// prepare.
template <class F, class Base = Model>
Result<std::unique_ptr<Base>> load_in_two_passes(const ModelFile& file, Backend& backend,
                                                 const LoadProgress& progress) {
  WeightLoader loader(file, backend, progress);
  auto model = std::make_unique<F>(file.config(), backend);
  for (const auto pass : {WeightLoader::Pass::kCheck, WeightLoader::Pass::kPrepare}) {
    loader.begin(pass);
    model->load(loader);
    if (!loader.status()) return fail(loader.status().error());
  }
  return model;
}

// The first `rows` rows of m.
inline Mat top_rows(Mat m, int64_t rows) { return {m.data, rows, m.cols, m.stride}; }

// m [rows, heads * width] seen as one row for each head: columns [offset, offset + count) of every
// head's `width`, [rows * heads, count]. m must have no gaps.
Mat per_head(Mat m, int64_t heads, int64_t offset, int64_t count);

}  // namespace holdfast
