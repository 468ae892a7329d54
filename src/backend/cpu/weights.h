// Weights and vectors as the CPU backend holds them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/memory.h"
#include "backend/cpu/packed.h"
#include "base/thread_pool.h"

namespace holdfast::cpu {

// Floats keep the view (its memory must outlive the weight); block formats are packed and let the
// view go.
class CpuWeight final : public PreparedWeight {
 public:
  // unimplemented for a type that is not computed, invalid_argument for bytes that do not fit the
  // shape, resource_exhausted without the memory. Packs on all threads.
  static Result<std::shared_ptr<const CpuWeight>> make(const TensorView& view, ThreadPool& pool,
                                                       Slabs& memory);
  // Keeps the view (its memory must outlive the weight) whatever the type, for decode_row only.
  static Result<std::shared_ptr<const CpuWeight>> keep(const TensorView& view);

  int64_t rows() const override { return view_.rows(); }
  int64_t cols() const override { return view_.cols(); }
  DType type() const override { return view_.type; }

  // Row `row` as floats, block scales applied.
  void decode_row(int64_t row, float* out) const;

  // Null for floats.
  const PackedFormat* format() const { return format_; }
  const unsigned char* panels() const { return reinterpret_cast<unsigned char*>(panels_.get()); }
  int64_t panel_size() const { return panel_size_; }
  // Of floats.
  const TensorView& view() const { return view_; }

 private:
  explicit CpuWeight(const TensorView& view) : view_(view) {}
  Status pack(ThreadPool& pool, Slabs& memory);

  TensorView view_;  // without bytes when packed
  const PackedFormat* format_ = nullptr;
  std::shared_ptr<std::byte> panels_;
  int64_t panel_size_ = 0;
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
