// The CPU backend's class; its operations are spread over this folder's files by kind.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/arena.h"
#include "backend/cpu/kernels.h"
#include "backend/cpu/linear.h"
#include "backend/cpu/memory.h"
#include "backend/cpu/rope_cache.h"
#include "backend/cpu/weights.h"
#include "base/thread_pool.h"

namespace holdfast::cpu {

class CpuBackend final : public Backend {
 public:
  CpuBackend(const Kernels& kernels, int threads) : kernels_(kernels), pool_(threads) {}

  std::string describe() const override;
  Peaks measure_peaks() override;
  void count_idle(bool on) override { pool_.count_idle(on); }
  double idle_seconds() const override { return pool_.idle_seconds(); }

  Result<WeightPtr> prepare(const TensorView& weight) override;
  Result<WeightPtr> prepare_table(const TensorView& weight) override;
  Result<VectorPtr> prepare_vector(const TensorView& vector) override;
  VectorPtr prepare_vector(std::span<const float> values) override;
  Result<std::unique_ptr<KvCache>> make_kv_cache(const KvSpec& spec) override;

  using Backend::settle;
  bool settle(std::chrono::steady_clock::duration time) override;
  int64_t memory_to_come() const override;

  void begin_step() override;
  void end_step() override;
  Mat scratch(int64_t rows, int64_t cols) override;

  void embed(const PreparedWeight& weight, std::span<const int32_t> tokens, Mat out) override;
  void rms_norm(Mat x, const PreparedVector& weight, float eps, Mat out) override;
  void head_rms_norm(Mat x, int32_t heads, const PreparedVector& weight, float eps) override;
  void layer_norm(Mat x, const PreparedVector& weight, const PreparedVector& bias, float eps,
                  Mat out) override;
  void linear(Mat x, std::span<const LinearJob> jobs) override;
  void head_linear(Mat x, int64_t x_head_stride, std::span<const WeightPtr> weights, Mat out,
                   int64_t out_head_stride) override;
  void rope(Mat x, int32_t heads, int32_t head_dim, int32_t offset, const RopeTable& table,
            std::span<const int32_t> positions) override;
  void kv_append(KvCache& cache, int32_t layer, const Batch& batch, Mat k, Mat v) override;
  void attention(Mat q, const KvCache& cache, int32_t layer, const Batch& batch,
                 const AttentionParams& params, Mat out) override;
  void mla_attention(Mat q, const KvCache& cache, int32_t layer, const Batch& batch,
                     const MlaParams& params, Mat out) override;
  void full_attention(Mat q, Mat k, Mat v, std::span<const RowRange> texts,
                      const AttentionParams& params, Mat out) override;
  void gelu(Mat x, Mat out) override;
  void tanh(Mat x, Mat out) override;
  void swiglu(Mat gate, Mat up, Mat out) override;
  void moe(Mat x, const MoeWeights& weights, const MoeParams& params, Mat out) override;
  void add(Mat x, Mat y) override;
  void copy(Mat from, Mat to) override;
  void gather_rows(Mat x, std::span<const int32_t> rows, Mat out) override;
  std::span<const float> read(Mat x) override;

 private:
  // f(row) for every row; on the caller alone when all rows together are little work.
  template <class F>
  void for_rows(int64_t rows, int64_t floats_per_row, F&& f) {
    constexpr int64_t kWorthAThread = 8192;  // floats: about as long as waking a spinning thread
    const int64_t grain =
        floats_per_row > 0 ? (kWorthAThread + floats_per_row - 1) / floats_per_row : rows;
    pool_.parallel_for(rows, grain, [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) f(row);
    });
  }
  struct Attention;
  enum class Sees { kPast, kAll };  // of its sequence, what a row attends to
  void attend(Mat q, const KvLayer& kv, const Batch& batch, int32_t heads, float scale, Sees sees,
              Mat out);
  // kernel(from, to, n) over pieces of all rows.
  void for_pieces(Mat x, Mat out, void (*kernel)(const float* x, float* out, int64_t n));

  const Kernels& kernels_;
  ThreadPool pool_;
  Slabs weight_memory_;
  std::deque<std::weak_ptr<CpuWeight>> unmoved_;
  std::chrono::steady_clock::time_point step_start_;
  std::chrono::steady_clock::duration last_step_{};
  Arena arena_;
  RopeCache rope_cache_;
};

inline float* row_of(const Mat& x, int64_t row) { return x.data + row * x.stride; }

}  // namespace holdfast::cpu
