// A model whose logits are a hash of the whole history, read back through page tables: a wrong
// page, slot, position or copy changes every logit.
#pragma once

#include <cmath>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/check.h"
#include "model/model.h"

namespace holdfast::test {

// The cache of a FakeModel: the tokens themselves.
class FakeCache final : public KvCache {
 public:
  explicit FakeCache(const KvSpec& spec)
      : spec_(spec), slots_(static_cast<size_t>(spec.pages) * spec.page_tokens, -1) {}
  const KvSpec& spec() const override { return spec_; }
  void copy_page(int32_t from, int32_t to, int32_t tokens) override {
    std::fill_n(&slot(to, 0), spec_.page_tokens, -1);
    for (int32_t i = 0; i < tokens; ++i) slot(to, i) = slot(from, i);
  }
  int32_t& slot(int32_t page, int32_t index) {
    return slots_.at(static_cast<size_t>(page) * spec_.page_tokens + index);
  }

 private:
  KvSpec spec_;
  std::vector<int32_t> slots_;
};

// Only what the engine itself calls.
class FakeBackend final : public Backend {
 public:
  std::string describe() const override { return "fake"; }
  Result<std::unique_ptr<KvCache>> make_kv_cache(const KvSpec& spec) override {
    return std::make_unique<FakeCache>(spec);
  }
  void begin_step() override { scratch_.clear(); }
  void end_step() override { scratch_.clear(); }
  Mat scratch(int64_t rows, int64_t cols) override {
    scratch_.emplace_back(rows * cols);
    return {scratch_.back().data(), rows, cols, cols};
  }
  std::span<const float> read(Mat x) override {
    return {x.data, static_cast<size_t>(x.rows * x.cols)};
  }

  Result<WeightPtr> prepare(const TensorView&) override { return no<Result<WeightPtr>>(); }
  Result<VectorPtr> prepare_vector(const TensorView&) override { return no<Result<VectorPtr>>(); }
  VectorPtr prepare_vector(std::span<const float>) override { return no<VectorPtr>(); }
  void embed(const PreparedWeight&, std::span<const int32_t>, Mat) override { no<int>(); }
  void rms_norm(Mat, const PreparedVector&, float, Mat) override { no<int>(); }
  void head_rms_norm(Mat, int32_t, const PreparedVector&, float) override { no<int>(); }
  void linear(Mat, std::span<const LinearJob>) override { no<int>(); }
  void head_linear(Mat, int64_t, std::span<const WeightPtr>, Mat, int64_t) override { no<int>(); }
  void rope(Mat, int32_t, int32_t, int32_t, const RopeTable&, std::span<const int32_t>) override {
    no<int>();
  }
  void kv_append(KvCache&, int32_t, const Batch&, Mat, Mat) override { no<int>(); }
  void attention(Mat, const KvCache&, int32_t, const Batch&, const AttentionParams&, Mat) override {
    no<int>();
  }
  void mla_attention(Mat, const KvCache&, int32_t, const Batch&, const MlaParams&, Mat) override {
    no<int>();
  }
  void layer_norm(Mat, const PreparedVector&, const PreparedVector&, float, Mat) override {
    no<int>();
  }
  void full_attention(Mat, Mat, Mat, std::span<const RowRange>, const AttentionParams&,
                      Mat) override {
    no<int>();
  }
  void gelu(Mat, Mat) override { no<int>(); }
  void tanh(Mat, Mat) override { no<int>(); }
  void swiglu(Mat, Mat, Mat) override { no<int>(); }
  void moe(Mat, const MoeWeights&, const MoeParams&, Mat) override { no<int>(); }
  void add(Mat, Mat) override { no<int>(); }
  void copy(Mat, Mat) override { no<int>(); }
  void gather_rows(Mat, std::span<const int32_t>, Mat) override { no<int>(); }

 private:
  template <class T>
  static T no() {
    CHECK(false) << "the fake backend computes nothing";
    return {};
  }
  std::vector<std::vector<float>> scratch_;
};

class FakeModel final : public Model {
 public:
  explicit FakeModel(int32_t vocab = 97, int32_t context = 512) {
    config_.vocab = vocab;
    config_.context = context;
  }

  const ModelConfig& config() const override { return config_; }
  KvSpec kv_spec() const override {
    KvSpec spec;
    spec.layers = 1;
    spec.k_width = spec.v_width = 32;
    return spec;
  }

  // The logits after `history`.
  std::vector<float> logits_after(std::span<const int32_t> history) const {
    uint64_t hash = 1469598103934665603ull ^ salt;
    for (const int32_t token : history)
      hash = (hash ^ static_cast<uint64_t>(token)) * 1099511628211ull;
    std::vector<float> logits(config_.vocab);
    for (float& logit : logits) {
      hash ^= hash << 13, hash ^= hash >> 7, hash ^= hash << 17;
      logit = static_cast<float>(hash >> 40) / static_cast<float>(1 << 21) - 4.0f;  // [-4, 4)
    }
    // Mostly says again what stood `repeats` tokens ago.
    if (repeats > 0 && std::ssize(history) >= repeats && hash % 8 != 0) {
      const int32_t again = history[history.size() - static_cast<size_t>(repeats)];
      if (again < config_.vocab) logits[again] += 9.0f;
    }
    return logits;
  }

  Mat forward(const Batch& batch, KvCache& cache) override {
    if (on_forward) on_forward(batch);
    auto& slots = dynamic_cast<FakeCache&>(cache);
    const int32_t page_tokens = cache.spec().page_tokens;
    for (const SequenceSlice& s : batch.sequences) {
      for (int32_t row = s.row_begin; row < s.row_end; ++row) {
        const int32_t position = s.cached + row - s.row_begin;
        CHECK(batch.positions[row] == position) << "position of row " << row;
        slots.slot(s.pages[position / page_tokens], position % page_tokens) = batch.tokens[row];
      }
    }
    out_.clear();
    size_t next = 0;
    for (const SequenceSlice& s : batch.sequences) {
      for (; next < batch.logit_rows.size() && batch.logit_rows[next] < s.row_end; ++next) {
        std::vector<int32_t> history(s.cached + batch.logit_rows[next] - s.row_begin + 1);
        for (size_t i = 0; i < history.size(); ++i) {
          history[i] = slots.slot(s.pages[i / page_tokens], static_cast<int32_t>(i) % page_tokens);
          CHECK(history[i] >= 0) << "an unwritten slot";
        }
        auto logits = logits_after(history);
        if (broken) logits.assign(logits.size(), NAN);
        out_.insert(out_.end(), logits.begin(), logits.end());
      }
    }
    CHECK(next == batch.logit_rows.size()) << "logit rows outside the sequences";
    return {out_.data(), static_cast<int64_t>(next), config_.vocab, config_.vocab};
  }

  std::function<void(const Batch&)> on_forward;  // on the engine thread; set before the engine runs
  bool broken = false;                           // gives no numbers
  int32_t repeats = 0;                           // > 0: predictable, see logits_after
  uint64_t salt = 0;                             // another one, another model

 private:
  ModelConfig config_;
  std::vector<float> out_;
};

}  // namespace holdfast::test
