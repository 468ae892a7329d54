// Weights and vectors as the CPU backend holds them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/kernels.h"
#include "backend/cpu/memory.h"
#include "backend/cpu/packed.h"
#include "base/thread_pool.h"

namespace holdfast::cpu {

// A matrix. In a mapped file it is used as it lies there, so that a model starts at once, and is
// moved into panels (packed_format.h, float_format.h), in huge pages, a part at a time by move();
// the file's pages go as they are read, so memory does not grow. What lies in no mapped file is
// brought into panels at once.
//
// Not thread-safe while move() runs: the backend calls it between steps.
class CpuWeight final : public PreparedWeight {
 public:
  // unimplemented for a type that is not computed, invalid_argument for bytes that do not fit the
  // shape, resource_exhausted without the memory. A view inside a mapped file must outlive the
  // weight.
  static Result<std::shared_ptr<CpuWeight>> make(const TensorView& view, const Kernels& kernels,
                                                 ThreadPool& pool, Slabs& memory);
  // Keeps the view (its memory must outlive the weight) whatever the type, for decode_row only.
  static Result<std::shared_ptr<CpuWeight>> keep(const TensorView& view);
  // The same, with its bytes brought into memory to stay.
  static Result<std::shared_ptr<CpuWeight>> keep_loaded(const TensorView& view, ThreadPool& pool);

  int64_t rows() const override { return view_.rows(); }
  int64_t cols() const override { return view_.cols(); }
  DType type() const override { return view_.type; }

  // Row `row` as floats, block scales applied.
  void decode_row(int64_t row, float* out) const;

  // Null for floats.
  const PackedFormat* format() const { return format_; }
  // kNone for block formats.
  FloatFormat float_format() const;
  // Null for a matrix that still lies in its file, in view().
  const unsigned char* panels() const {
    return moved() ? reinterpret_cast<unsigned char*>(panels_.get()) : nullptr;
  }
  int64_t panel_size() const { return panel_size_; }
  const TensorView& view() const { return view_; }

  bool moved() const { return packed_rows_ >= rows(); }
  // Moves about `bytes` more into panels, on all threads. Without the memory it gives up for good.
  void move(const Kernels& kernels, ThreadPool& pool, Slabs& memory, int64_t bytes);
  bool wants_to_move() const { return !moved() && !stays_; }
  // One panel of a matrix that lies in view(), into panel_size() bytes, the same as move() makes.
  void make_panel(const Kernels& kernels, int64_t panel, unsigned char* to) const;

 private:
  explicit CpuWeight(const TensorView& view) : view_(view) {}
  // Of bytes that are in no mapped file: all at once, loaded piece by piece.
  Status move_all(const Kernels& kernels, ThreadPool& pool, Slabs& memory);

  int64_t panel_rows() const { return format_ != nullptr ? kPanelRows : kFloatPanelRows; }

  TensorView view_;  // without bytes once moved
  const PackedFormat* format_ = nullptr;
  std::shared_ptr<std::byte> panels_;
  int64_t panel_size_ = 0;
  int64_t packed_rows_ = 0;
  bool stays_ = false;
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
