#include "backend/profile.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>
#include <string_view>
#include <utility>

namespace holdfast {

std::vector<OperationProfile> Profile::take() { return std::exchange(operations_, {}); }

namespace {

OperationProfile& named(std::vector<OperationProfile>& operations, const std::string& name) {
  const auto found = std::ranges::find(operations, name, &OperationProfile::name);
  if (found != operations.end()) return *found;
  operations.push_back({.name = name});
  return operations.back();
}

}  // namespace

void merge(std::vector<OperationProfile>& into, const std::vector<OperationProfile>& more) {
  for (const OperationProfile& from : more) {
    OperationProfile& to = named(into, from.name);
    to.calls += from.calls;
    for (double OperationProfile::*field :
         {&OperationProfile::seconds, &OperationProfile::idle_seconds, &OperationProfile::bytes,
          &OperationProfile::int8, &OperationProfile::bf16, &OperationProfile::fp32,
          &OperationProfile::limit_seconds}) {
      to.*field += from.*field;
    }
  }
}

void Profile::add(const std::string& name, double seconds, double idle_seconds, const Work& work) {
  const auto at = [](double amount, double rate) { return rate > 0.0 ? amount / rate : 0.0; };
  OperationProfile& to = named(operations_, name);
  ++to.calls;
  to.seconds += seconds;
  to.idle_seconds += idle_seconds;
  to.bytes += work.bytes;
  to.int8 += work.int8;
  to.bf16 += work.bf16;
  to.fp32 += work.fp32;
  to.limit_seconds += std::max(
      at(work.bytes, peaks_.read_bytes),
      at(work.int8, peaks_.int8) + at(work.bf16, peaks_.bf16) + at(work.fp32, peaks_.fp32));
}

class ProfiledBackend final : public Backend {
 public:
  ProfiledBackend(std::unique_ptr<Backend> inner, Profile& profile)
      : inner_(std::move(inner)), profile_(profile) {
    inner_->count_idle(true);
  }

  std::string describe() const override { return inner_->describe(); }
  Peaks measure_peaks() override { return inner_->measure_peaks(); }
  void count_idle(bool on) override { inner_->count_idle(on); }
  double idle_seconds() const override { return inner_->idle_seconds(); }

  Result<WeightPtr> prepare(const TensorView& weight) override { return inner_->prepare(weight); }
  Result<WeightPtr> prepare_table(const TensorView& weight) override {
    return inner_->prepare_table(weight);
  }
  Result<VectorPtr> prepare_vector(const TensorView& vector) override {
    return inner_->prepare_vector(vector);
  }
  VectorPtr prepare_vector(std::span<const float> values) override {
    return inner_->prepare_vector(values);
  }
  Result<std::unique_ptr<KvCache>> make_kv_cache(const KvSpec& spec) override {
    return inner_->make_kv_cache(spec);
  }

  bool settle(std::chrono::steady_clock::duration time) override { return inner_->settle(time); }
  int64_t memory_to_come() const override { return inner_->memory_to_come(); }
  void begin_step() override { inner_->begin_step(); }
  void end_step() override { inner_->end_step(); }
  Mat scratch(int64_t rows, int64_t cols) override { return inner_->scratch(rows, cols); }

  void embed(const PreparedWeight& weight, std::span<const int32_t> tokens, Mat out) override {
    vocabulary_ = weight.rows();
    timed("embed", {}, [&] { inner_->embed(weight, tokens, out); });
  }
  void rms_norm(Mat x, const PreparedVector& weight, float eps, Mat out) override {
    timed("norm", {}, [&] { inner_->rms_norm(x, weight, eps, out); });
  }
  void head_rms_norm(Mat x, int32_t heads, const PreparedVector& weight, float eps) override {
    timed("norm", {}, [&] { inner_->head_rms_norm(x, heads, weight, eps); });
  }
  void layer_norm(Mat x, const PreparedVector& weight, const PreparedVector& bias, float eps,
                  Mat out) override {
    timed("norm", {}, [&] { inner_->layer_norm(x, weight, bias, eps, out); });
  }
  void linear(Mat x, std::span<const LinearJob> jobs) override {
    Profile::Work work;
    std::set<std::string_view> types;
    bool logits = false;
    for (const LinearJob& job : jobs) {
      add_product(work, *job.weight, static_cast<double>(x.rows));
      types.insert(dtype_info(job.weight->type()).name);
      logits = logits || job.weight->rows() == vocabulary_;
    }
    timed(with_types(logits ? "logits" : "linear", types), work, [&] { inner_->linear(x, jobs); });
  }
  void head_linear(Mat x, int64_t x_head_stride, std::span<const WeightPtr> weights, Mat out,
                   int64_t out_head_stride) override {
    Profile::Work work;
    std::set<std::string_view> types;
    for (const WeightPtr& weight : weights) {
      add_product(work, *weight, static_cast<double>(x.rows));
      types.insert(dtype_info(weight->type()).name);
    }
    timed(with_types("head linear", types), work,
          [&] { inner_->head_linear(x, x_head_stride, weights, out, out_head_stride); });
  }
  void rope(Mat x, int32_t heads, int32_t head_dim, int32_t offset, const RopeTable& table,
            std::span<const int32_t> positions) override {
    timed("rope", {}, [&] { inner_->rope(x, heads, head_dim, offset, table, positions); });
  }
  void kv_append(KvCache& cache, int32_t layer, const Batch& batch, Mat k, Mat v) override {
    timed("kv append", {}, [&] { inner_->kv_append(cache, layer, batch, k, v); });
  }
  void attention(Mat q, const KvCache& cache, int32_t layer, const Batch& batch,
                 const AttentionParams& params, Mat out) override {
    const double each = 4.0 * params.heads * params.head_dim;  // score and value, two operations
    timed("attention", attention_work(cache, batch, each),
          [&] { inner_->attention(q, cache, layer, batch, params, out); });
  }
  void mla_attention(Mat q, const KvCache& cache, int32_t layer, const Batch& batch,
                     const MlaParams& params, Mat out) override {
    const double each = 2.0 * params.heads * (2.0 * params.kv_rank + params.rope_dim);
    timed("attention", attention_work(cache, batch, each),
          [&] { inner_->mla_attention(q, cache, layer, batch, params, out); });
  }
  void full_attention(Mat q, Mat k, Mat v, std::span<const RowRange> texts,
                      const AttentionParams& params, Mat out) override {
    double seen = 0.0;
    for (const RowRange& text : texts) seen += std::pow(text.end - text.begin, 2.0);
    Profile::Work work;
    work.fp32 = 4.0 * params.heads * params.head_dim * seen;
    timed("attention", work, [&] { inner_->full_attention(q, k, v, texts, params, out); });
  }
  void gelu(Mat x, Mat out) override {
    timed("gelu", {}, [&] { inner_->gelu(x, out); });
  }
  void tanh(Mat x, Mat out) override {
    timed("tanh", {}, [&] { inner_->tanh(x, out); });
  }
  void swiglu(Mat gate, Mat up, Mat out) override {
    timed("swiglu", {}, [&] { inner_->swiglu(gate, up, out); });
  }
  void moe(Mat x, const MoeWeights& weights, const MoeParams& params, Mat out) override {
    timed("moe", moe_work(x, weights, params), [&] { inner_->moe(x, weights, params, out); });
  }
  void add(Mat x, Mat y) override {
    timed("add", {}, [&] { inner_->add(x, y); });
  }
  void copy(Mat from, Mat to) override {
    timed("copy", {}, [&] { inner_->copy(from, to); });
  }
  void gather_rows(Mat x, std::span<const int32_t> rows, Mat out) override {
    timed("copy", {}, [&] { inner_->gather_rows(x, rows, out); });
  }
  std::span<const float> read(Mat x) override {
    std::span<const float> values;
    timed("read", {}, [&] { values = inner_->read(x); });
    return values;
  }

 private:
  template <class F>
  void timed(const std::string& name, const Profile::Work& work, F&& f) {
    const double idle = inner_->idle_seconds();
    const auto start = std::chrono::steady_clock::now();
    f();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    profile_.add(name, took.count(), inner_->idle_seconds() - idle, work);
  }

  static std::string with_types(std::string_view kind, const std::set<std::string_view>& types) {
    std::string name(kind);
    for (const std::string_view type : types) (name += name == kind ? " " : "+") += type;
    return name;
  }

  static double weight_bytes(const PreparedWeight& weight) {
    const DTypeInfo& type = dtype_info(weight.type());
    return static_cast<double>(weight.rows()) * static_cast<double>(weight.cols()) /
           type.block_size * type.block_bytes;
  }

  void add_operations(Profile::Work& work, DType type, double operations) const {
    const bool narrow = type == DType::kBF16 || type == DType::kF16 || type == DType::kF8_E4M3;
    if (type == DType::kF32 || (narrow && profile_.peaks().bf16 <= 0.0))
      work.fp32 += operations;
    else
      (narrow ? work.bf16 : work.int8) += operations;
  }

  void add_product(Profile::Work& work, const PreparedWeight& weight, double rows) const {
    work.bytes += weight_bytes(weight);
    add_operations(
        work, weight.type(),
        2.0 * rows * static_cast<double>(weight.rows()) * static_cast<double>(weight.cols()));
  }

  // `each`: operations for a row and a token it sees.
  Profile::Work attention_work(const KvCache& cache, const Batch& batch, double each) const {
    const KvSpec& spec = cache.spec();
    double seen = 0.0, tokens = 0.0;
    for (const SequenceSlice& s : batch.sequences) {
      const double rows = s.row_end - s.row_begin;
      seen += rows * s.cached + rows * (rows + 1.0) / 2.0;
      tokens += s.cached + rows;
    }
    Profile::Work work;
    work.bytes = tokens * static_cast<double>(spec.bytes_per_token()) / std::max(1, spec.layers);
    const Peaks& peaks = profile_.peaks();
    (peaks.bf16 > peaks.fp32 ? work.bf16 : work.fp32) = each * seen;
    return work;
  }

  // The experts a batch meets are not known here: as many as it would meet if each token chose
  // blindly.
  Profile::Work moe_work(Mat x, const MoeWeights& weights, const MoeParams& params) const {
    Profile::Work work;
    if (weights.experts.empty()) return work;
    add_product(work, *weights.router, static_cast<double>(x.rows));
    const auto experts = static_cast<double>(weights.experts.size());
    const auto rows = static_cast<double>(x.rows);
    const double met = experts * (1.0 - std::pow(1.0 - params.used / experts, rows));
    const ExpertWeights& one = weights.experts.front();
    for (const WeightPtr& weight : {one.gate, one.up, one.down}) {
      work.bytes += met * weight_bytes(*weight);
      add_operations(work, weight->type(),
                     2.0 * rows * params.used * static_cast<double>(weight->rows()) *
                         static_cast<double>(weight->cols()));
    }
    return work;
  }

  const std::unique_ptr<Backend> inner_;
  Profile& profile_;
  int64_t vocabulary_ = -1;  // rows of the embedding: an output matrix has as many
};

std::unique_ptr<Backend> make_profiled_backend(std::unique_ptr<Backend> inner, Profile& profile) {
  return std::make_unique<ProfiledBackend>(std::move(inner), profile);
}

}  // namespace holdfast
