// Weights and vectors as the CPU backend holds them.
#pragma once

#include <cstdint>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/kernels.h"
#include "base/thread_pool.h"

namespace holdfast::cpu {

class CpuWeight final : public PreparedWeight {
 public:
  // unimplemented for a type that is not computed, invalid_argument for bytes that do not fit the
  // shape.
  static Result<std::shared_ptr<const CpuWeight>> make(const TensorView& view,
                                                       const Kernels& kernels, ThreadPool& pool);
  // Keeps the view: its memory must outlive the weight.
  static Result<std::shared_ptr<const CpuWeight>> keep(const TensorView& view);

  int64_t rows() const override { return view_.rows(); }
  int64_t cols() const override { return view_.cols(); }
  DType type() const override { return view_.type; }
  const TensorView& view() const { return view_; }

  // Row `row` as floats, block scales applied.
  void decode_row(int64_t row, float* out) const;

 private:
  explicit CpuWeight(const TensorView& view) : view_(view) {}

  TensorView view_;
};

class CpuVector final : public PreparedVector {
 public:
  explicit CpuVector(std::vector<float> values) : values_(std::move(values)) {}
  int64_t size() const override { return static_cast<int64_t>(values_.size()); }
  const float* data() const { return values_.data(); }

 private:
  std::vector<float> values_;
};

inline const CpuWeight& as_cpu(const PreparedWeight& weight) {
  return static_cast<const CpuWeight&>(weight);
}
inline const float* as_cpu(const PreparedVector& vector) {
  return static_cast<const CpuVector&>(vector).data();
}

}  // namespace holdfast::cpu
