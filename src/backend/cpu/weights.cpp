#include "backend/cpu/weights.h"

#include <algorithm>
#include <string>

#include "base/mapped_file.h"
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

}  // namespace

Result<std::shared_ptr<const CpuWeight>> CpuWeight::keep(const TensorView& view) {
  RETURN_IF_ERROR(check(view));
  return std::shared_ptr<const CpuWeight>(new CpuWeight(view));
}

Result<std::shared_ptr<const CpuWeight>> CpuWeight::make(const TensorView& view, ThreadPool& pool,
                                                         Slabs& memory) {
  RETURN_IF_ERROR(check(view));
  if (view.scale_block % 16 != 0) {
    return fail(Code::kUnimplemented, "block scales of " + std::to_string(view.scale_block) +
                                          " columns cannot be computed with");
  }
  std::shared_ptr<CpuWeight> weight(new CpuWeight(view));
  weight->format_ = packed_format(view.type);
  if (weight->format_ != nullptr) RETURN_IF_ERROR(weight->pack(pool, memory));
  return weight;
}

Status CpuWeight::pack(ThreadPool& pool, Slabs& memory) {
  const int64_t panels = (rows() + kPanelRows - 1) / kPanelRows;
  panel_size_ = panel_bytes(*format_, cols());
  panels_ = memory.allocate(panels * panel_size_);
  if (panels_ == nullptr) {
    return fail(Code::kResourceExhausted,
                "no memory for " + std::to_string(panels * panel_size_) + " bytes of weights", "",
                "use a smaller model or a smaller type");
  }
  const int64_t source = std::ssize(view_.bytes) / std::max<int64_t>(1, rows()) * kPanelRows;
  constexpr int64_t kItemBytes = 1 << 20;  // of the source, then given back to the system
  const int64_t grain = std::max<int64_t>(1, kItemBytes / std::max<int64_t>(1, source));
  pool.parallel_for(panels, grain, [&](int64_t first, int64_t last, int) {
    for (int64_t panel = first; panel < last; ++panel) {
      pack_panel(*format_, view_, panel * kPanelRows,
                 reinterpret_cast<unsigned char*>(panels_.get()) + panel * panel_size_);
    }
    const auto begin = static_cast<std::size_t>(first * source);
    const auto end = std::min(static_cast<std::size_t>(last * source), view_.bytes.size());
    release_file_pages(view_.bytes.subspan(begin, end - begin));
  });
  view_.bytes = {};
  return {};
}

void CpuWeight::decode_row(int64_t row, float* out) const {
  const int64_t n = cols();
  if (format_ != nullptr) {
    decode_panel_row(*format_, panels() + row / kPanelRows * panel_size_, n,
                     static_cast<int>(row % kPanelRows), out);
    return;
  }
  const uint64_t bytes = row_bytes(type(), static_cast<uint64_t>(n));
  dequantize(type(), view_.bytes.data() + static_cast<uint64_t>(row) * bytes, out, n);
  if (view_.scale_block <= 0) return;
  const int64_t across = (n + view_.scale_block - 1) / view_.scale_block;
  const float* scales = view_.scales.data() + row / view_.scale_block * across;
  for (int64_t i = 0; i < n; ++i) out[i] *= scales[i / view_.scale_block];
}

}  // namespace holdfast::cpu
