#include "backend/cpu/weights.h"

#include <bit>
#include <cstring>

#include "backend/cpu/float16.h"
#include "base/check.h"

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
  return std::shared_ptr<const CpuWeight>(new CpuWeight(view));
}

void CpuWeight::decode_row(int64_t row, float* out) const {
  const int64_t n = cols();
  const std::byte* from =
      view_.bytes.data() + static_cast<uint64_t>(row) * row_bytes(type(), static_cast<uint64_t>(n));
  switch (type()) {
    case DType::kF32:
      std::memcpy(out, from, static_cast<std::size_t>(n) * 4);
      return;
    case DType::kBF16:
      for (int64_t i = 0; i < n; ++i) {
        uint16_t bits;
        std::memcpy(&bits, from + i * 2, 2);
        out[i] = std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
      }
      return;
    case DType::kF16:
      for (int64_t i = 0; i < n; ++i) {
        uint16_t bits;
        std::memcpy(&bits, from + i * 2, 2);
        out[i] = half_to_float(bits);
      }
      return;
    default:
      CHECK(false) << "weights of type " << dtype_info(type()).name;
  }
}

}  // namespace holdfast::cpu
