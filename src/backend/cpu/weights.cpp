#include "backend/cpu/weights.h"

#include <string>

#include "tensor/blocks.h"

namespace holdfast::cpu {

Result<std::shared_ptr<const CpuWeight>> CpuWeight::make(const TensorView& view, const Kernels&,
                                                         ThreadPool&) {
  return keep(view);
}

Result<std::shared_ptr<const CpuWeight>> CpuWeight::keep(const TensorView& view) {
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
  return std::shared_ptr<const CpuWeight>(new CpuWeight(view));
}

void CpuWeight::decode_row(int64_t row, float* out) const {
  const int64_t n = cols();
  const uint64_t bytes = row_bytes(type(), static_cast<uint64_t>(n));
  dequantize(type(), view_.bytes.data() + static_cast<uint64_t>(row) * bytes, out, n);
  if (view_.scale_block <= 0) return;
  const int64_t across = (n + view_.scale_block - 1) / view_.scale_block;
  const float* scales = view_.scales.data() + row / view_.scale_block * across;
  for (int64_t i = 0; i < n; ++i) out[i] *= scales[i / view_.scale_block];
}

}  // namespace holdfast::cpu
