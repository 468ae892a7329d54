#include "model/layers.h"

#include "base/check.h"

namespace holdfast {

GatedFfn GatedFfn::load(WeightLoader& load, int32_t layer, std::string_view suffix, int64_t ffn,
                        int64_t hidden) {
  const auto name = [&](std::string_view part) {
    return layer_name(layer, std::string(part) + std::string(suffix) + ".weight");
  };
  GatedFfn f;
  f.gate = load.matrix(name("ffn_gate"), ffn, hidden);
  f.up = load.matrix(name("ffn_up"), ffn, hidden);
  f.down = load.matrix(name("ffn_down"), hidden, ffn);
  return f;
}

void GatedFfn::add_to(Backend& backend, Mat x, Mat gate_up, Mat out) const {
  const int64_t ffn = gate->rows();
  const Mat g = top_rows(gate_up, x.rows).columns(0, ffn);
  const Mat u = top_rows(gate_up, x.rows).columns(ffn, ffn);
  const LinearJob in[] = {{gate.get(), nullptr, g}, {up.get(), nullptr, u}};
  backend.linear(x, in);
  backend.swiglu(g, u, g);
  const LinearJob back[] = {{down.get(), nullptr, out, /*accumulate=*/true}};
  backend.linear(g, back);
}

Ends Ends::load(WeightLoader& load, const ModelConfig& config) {
  Ends ends;
  ends.embedding = config.tied_embeddings
                       ? load.matrix("token_embd.weight", config.vocab, config.hidden)
                       : load.table("token_embd.weight", config.vocab, config.hidden);
  ends.output_norm = load.vector("output_norm.weight", config.hidden);
  ends.output = config.tied_embeddings ? ends.embedding
                                       : load.matrix("output.weight", config.vocab, config.hidden);
  return ends;
}

Mat Ends::logits(Backend& backend, const Batch& batch, Mat x, float eps) const {
  const Mat normed = backend.scratch(x.rows, x.cols);
  backend.rms_norm(x, *output_norm, eps, normed);
  if (batch.hidden) return normed;
  const Mat out = backend.scratch(x.rows, output->rows());
  const LinearJob job[] = {{output.get(), nullptr, out}};
  backend.linear(normed, job);
  return out;
}

void keep_logit_rows(Backend& backend, const Batch& batch, Mat& x, Mat& attended) {
  const auto wanted = static_cast<int64_t>(batch.logit_rows.size());
  if (wanted == x.rows) return;
  for (Mat* m : {&x, &attended}) {
    const Mat kept = backend.scratch(wanted, m->cols);
    backend.gather_rows(*m, batch.logit_rows, kept);
    *m = kept;
  }
}

Mat per_head(Mat m, int64_t heads, int64_t offset, int64_t count) {
  CHECK(m.stride == m.cols && m.cols % heads == 0) << "rows with gaps";
  return {m.data + offset, m.rows * heads, count, m.cols / heads};
}

}  // namespace holdfast
