#include "backend/cpu/weights.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <string>
#include <utility>

#include "base/available_memory.h"
#include "base/mapped_file.h"
#include "base/paged_bytes.h"
#include "tensor/blocks.h"

namespace holdfast::cpu {

namespace {

Status check(const TensorView& view) {
  const DTypeInfo& info = dtype_info(view.type);
  if (!info.computed) {
    return fail(Code::kUnimplemented,
                "weights of type " + std::string(info.name) + " cannot be computed with", "",
                "convert the model to another type");
  }
  if (view.rows() < 0 || view.cols() <= 0 || view.cols() % info.block_size != 0) {
    return fail(Code::kInvalidArgument, "rows of " + std::to_string(view.cols()) +
                                            " values are no whole blocks of " +
                                            std::string(info.name));
  }
  const uint64_t row = row_bytes(view.type, static_cast<uint64_t>(view.cols()));
  if (view.bytes.size() != row * static_cast<uint64_t>(view.rows())) {
    return fail(Code::kInvalidArgument,
                std::to_string(view.bytes.size()) + " bytes where the shape needs " +
                    std::to_string(row * static_cast<uint64_t>(view.rows())));
  }
  if (view.scale_block > 0) {
    const auto tiles = [&](int64_t n) { return (n + view.scale_block - 1) / view.scale_block; };
    const int64_t needed = tiles(view.rows()) * tiles(view.cols());
    if (std::ssize(view.scales) < needed) {
      return fail(Code::kInvalidArgument, std::to_string(view.scales.size()) +
                                              " block scales where the shape needs " +
                                              std::to_string(needed));
    }
  }
  return {};
}

Error no_memory(int64_t bytes) {
  return {Code::kResourceExhausted, "no memory for " + std::to_string(bytes) + " bytes of weights",
          "", "use a smaller model or a smaller type"};
}

// Of a loop on many threads, the error that came first.
class FirstError {
 public:
  // Whether there was no error.
  bool keep(Status status) {
    if (status) return true;
    const std::lock_guard lock(mutex_);
    if (status_) status_ = std::move(status);
    return false;
  }
  Status take() { return std::move(status_); }

 private:
  std::mutex mutex_;
  Status status_;
};

// Brings pinned bytes into memory on all threads.
Status load(std::span<const std::byte> bytes, ThreadPool& pool) {
  constexpr int64_t kItemBytes = 1 << 20;
  FirstError error;
  pool.parallel_for(std::ssize(bytes), kItemBytes, [&](int64_t begin, int64_t end, int) {
    error.keep(help_load_bytes(
        bytes.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin))));
  });
  RETURN_IF_ERROR(error.take());
  return load_bytes(bytes);  // waits for what somebody else was bringing
}

}  // namespace

Result<std::shared_ptr<CpuWeight>> CpuWeight::keep(const TensorView& view) {
  RETURN_IF_ERROR(check(view));
  std::shared_ptr<CpuWeight> weight(new CpuWeight(view));
  weight->stays_ = true;
  return weight;
}

Result<std::shared_ptr<CpuWeight>> CpuWeight::keep_loaded(const TensorView& view,
                                                          ThreadPool& pool) {
  ASSIGN_OR_RETURN(auto weight, keep(view));
  RETURN_IF_ERROR(fetch_bytes(std::as_bytes(view.scales)));
  pin_bytes(view.bytes);
  RETURN_IF_ERROR(load(view.bytes, pool));
  return weight;
}

Result<std::shared_ptr<CpuWeight>> CpuWeight::make(const TensorView& view, const Kernels& kernels,
                                                   ThreadPool& pool, Slabs& memory) {
  RETURN_IF_ERROR(check(view));
  std::shared_ptr<CpuWeight> weight(new CpuWeight(view));
  weight->format_ = packed_format(view.type);
  weight->panel_size_ = weight->format_ != nullptr
                            ? panel_bytes(*weight->format_, view.cols())
                            : float_panel_bytes(weight->float_format(), view.cols());
  if (!in_mapped_file(view.bytes)) {
    RETURN_IF_ERROR(fetch_bytes(std::as_bytes(view.scales)));
    RETURN_IF_ERROR(weight->move_all(kernels, pool, memory));
  }
  return weight;
}

Status CpuWeight::move_all(const Kernels& kernels, ThreadPool& pool, Slabs& memory) {
  // Of what is loaded at once. What must be decrypted or checked comes in pieces that the caches
  // hold.
  constexpr int64_t kPiece = 16 << 20;
  const auto bytes = view_.bytes;
  const int64_t row = std::ssize(bytes) / std::max<int64_t>(1, rows());
  pin_bytes(bytes);
  while (wants_to_move()) {
    const int64_t begin = packed_rows_ * row;
    // move() takes whole panels: at least one, and no more than fit into a piece.
    const int64_t end = std::min(std::ssize(bytes), begin + kPiece + panel_rows() * row);
    RETURN_IF_ERROR(
        load(bytes.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)),
             pool));
    move(kernels, pool, memory, kPiece);
    unpin_bytes(bytes.subspan(static_cast<std::size_t>(begin),
                              static_cast<std::size_t>(packed_rows_ * row - begin)));
  }
  if (!moved()) return fail(no_memory(std::ssize(bytes)));
  return {};
}

FloatFormat CpuWeight::float_format() const {
  switch (view_.type) {
    case DType::kF32:
      return FloatFormat::kF32;
    case DType::kF16:
      return FloatFormat::kF16;
    case DType::kBF16:
      return FloatFormat::kBF16;
    case DType::kF8_E4M3:
      return FloatFormat::kF8;
    default:
      return FloatFormat::kNone;
  }
}

void CpuWeight::move(const Kernels& kernels, ThreadPool& pool, Slabs& memory, int64_t bytes) {
  if (!wants_to_move()) return;
  const int64_t panels = (rows() + panel_rows() - 1) / panel_rows();
  const int64_t row = std::ssize(view_.bytes) / rows();
  // A model larger than the memory stays in its file, which the system can read again.
  constexpr int64_t kLeft = int64_t{1} << 30;
  const bool fits = !in_mapped_file(view_.bytes) || panels_ != nullptr ||
                    panels * panel_size_ + kLeft <= available_memory();
  if (panels_ == nullptr && fits) panels_ = memory.allocate(panels * panel_size_);
  if (panels_ == nullptr) {
    stays_ = true;
    return;
  }
  const int64_t begin = packed_rows_ / panel_rows();
  const int64_t count = std::min(std::max<int64_t>(1, bytes / panel_size_), panels - begin);
  pool.parallel_for(count, 1, [&](int64_t first, int64_t last, int) {
    for (int64_t panel = begin + first; panel < begin + last; ++panel) {
      make_panel(kernels, panel,
                 reinterpret_cast<unsigned char*>(panels_.get()) + panel * panel_size_);
    }
  });
  packed_rows_ = std::min((begin + count) * panel_rows(), rows());
  // Pages between two parts go with the later one.
  const int64_t from = std::max<int64_t>(0, begin * panel_rows() * row - 4096);
  release_file_pages(view_.bytes.subspan(static_cast<std::size_t>(from),
                                         static_cast<std::size_t>(packed_rows_ * row - from)));
  if (moved()) view_.bytes = {};
}

void CpuWeight::make_panel(const Kernels& kernels, int64_t panel, unsigned char* to) const {
  if (format_ != nullptr) return pack_panel(*format_, view_, panel * kPanelRows, to);
  const int64_t row = std::ssize(view_.bytes) / rows();
  const auto* from =
      reinterpret_cast<const unsigned char*>(view_.bytes.data()) + panel * kFloatPanelRows * row;
  const int64_t n = std::min<int64_t>(kFloatPanelRows, rows() - panel * kFloatPanelRows);
  kernels.pack_float_panel(from, row, n, row, to);
}

void CpuWeight::decode_row(int64_t row, float* out) const {
  const int64_t n = cols();
  if (format_ != nullptr && moved()) {
    decode_panel_row(*format_, panels() + row / kPanelRows * panel_size_, n,
                     static_cast<int>(row % kPanelRows), out);
    return;
  }
  const uint64_t bytes = row_bytes(type(), static_cast<uint64_t>(n));
  if (!view_.bytes.empty()) {
    dequantize(type(), view_.bytes.data() + static_cast<uint64_t>(row) * bytes, out, n);
  } else {
    std::vector<std::byte> words((bytes + 3) / 4 * 4);
    const std::byte* from =
        panels_.get() + row / kFloatPanelRows * panel_size_ + row % kFloatPanelRows * 4;
    for (std::size_t i = 0; i < words.size(); i += 4) {
      std::memcpy(&words[i], from + i * kFloatPanelRows, 4);
    }
    dequantize(type(), words.data(), out, n);
  }
  if (view_.scale_block <= 0) return;
  const int64_t across = (n + view_.scale_block - 1) / view_.scale_block;
  const float* scales = view_.scales.data() + row / view_.scale_block * across;
  for (int64_t i = 0; i < n; ++i) out[i] *= scales[i / view_.scale_block];
}

}  // namespace holdfast::cpu
