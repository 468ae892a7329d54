#include "tensor/dtype.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/check.h"

namespace holdfast {
namespace {

constexpr std::array kTypes{
    DTypeInfo{DType::kF32, "f32", 1, 4, true},
    DTypeInfo{DType::kF16, "f16", 1, 2, true},
    DTypeInfo{DType::kQ4_0, "q4_0", 32, 18, true},
    DTypeInfo{DType::kQ4_1, "q4_1", 32, 20, true},
    DTypeInfo{DType::kQ5_0, "q5_0", 32, 22, true},
    DTypeInfo{DType::kQ5_1, "q5_1", 32, 24, true},
    DTypeInfo{DType::kQ8_0, "q8_0", 32, 34, true},
    DTypeInfo{DType::kQ8_1, "q8_1", 32, 36, false},
    DTypeInfo{DType::kQ2_K, "q2_K", 256, 84, true},
    DTypeInfo{DType::kQ3_K, "q3_K", 256, 110, true},
    DTypeInfo{DType::kQ4_K, "q4_K", 256, 144, true},
    DTypeInfo{DType::kQ5_K, "q5_K", 256, 176, true},
    DTypeInfo{DType::kQ6_K, "q6_K", 256, 210, true},
    DTypeInfo{DType::kQ8_K, "q8_K", 256, 292, false},
    DTypeInfo{DType::kIQ2_XXS, "iq2_xxs", 256, 66, false},
    DTypeInfo{DType::kIQ2_XS, "iq2_xs", 256, 74, false},
    DTypeInfo{DType::kIQ3_XXS, "iq3_xxs", 256, 98, false},
    DTypeInfo{DType::kIQ1_S, "iq1_s", 256, 50, false},
    DTypeInfo{DType::kIQ4_NL, "iq4_nl", 32, 18, true},
    DTypeInfo{DType::kIQ3_S, "iq3_s", 256, 110, false},
    DTypeInfo{DType::kIQ2_S, "iq2_s", 256, 82, false},
    DTypeInfo{DType::kIQ4_XS, "iq4_xs", 256, 136, true},
    DTypeInfo{DType::kI8, "i8", 1, 1, false},
    DTypeInfo{DType::kI16, "i16", 1, 2, false},
    DTypeInfo{DType::kI32, "i32", 1, 4, false},
    DTypeInfo{DType::kI64, "i64", 1, 8, false},
    DTypeInfo{DType::kF64, "f64", 1, 8, false},
    DTypeInfo{DType::kIQ1_M, "iq1_m", 256, 56, false},
    DTypeInfo{DType::kBF16, "bf16", 1, 2, true},
    DTypeInfo{DType::kTQ1_0, "tq1_0", 256, 54, false},
    DTypeInfo{DType::kTQ2_0, "tq2_0", 256, 66, false},
    DTypeInfo{DType::kMXFP4, "mxfp4", 32, 17, false},
    DTypeInfo{DType::kNVFP4, "nvfp4", 64, 36, false},
    DTypeInfo{DType::kQ1_0, "q1_0", 128, 18, false},
    DTypeInfo{DType::kQ2_0, "q2_0", 64, 18, false},
    DTypeInfo{DType::kF8_E4M3, "f8_e4m3", 1, 1, true},
};

struct RemovedType {
  uint32_t id;
  std::string_view name;
};

constexpr std::array kRemoved{
    RemovedType{4, "q4_2"},        RemovedType{5, "q4_3"},        RemovedType{31, "q4_0_4_4"},
    RemovedType{32, "q4_0_4_8"},   RemovedType{33, "q4_0_8_8"},   RemovedType{36, "iq4_nl_4_4"},
    RemovedType{37, "iq4_nl_4_8"}, RemovedType{38, "iq4_nl_8_8"},
};

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

const DTypeInfo* find_dtype(uint32_t ggml_id) {
  const auto it = std::ranges::find(kTypes, static_cast<DType>(ggml_id), &DTypeInfo::type);
  return it == kTypes.end() ? nullptr : &*it;
}

std::string_view removed_dtype_name(uint32_t ggml_id) {
  const auto it = std::ranges::find(kRemoved, ggml_id, &RemovedType::id);
  return it == kRemoved.end() ? std::string_view{} : it->name;
}

const DTypeInfo* find_dtype(std::string_view name) {
  const auto it = std::ranges::find_if(
      kTypes, [&](const DTypeInfo& info) { return same_name(info.name, name); });
  return it == kTypes.end() ? nullptr : &*it;
}

const DTypeInfo& dtype_info(DType type) {
  const DTypeInfo* info = find_dtype(static_cast<uint32_t>(type));
  CHECK(info != nullptr) << "dtype " << static_cast<uint32_t>(type);
  return *info;
}

uint64_t row_bytes(DType type, uint64_t n) {
  const DTypeInfo& info = dtype_info(type);
  CHECK(n % info.block_size == 0) << n << " values of " << info.name;
  return n / info.block_size * info.block_bytes;
}

}  // namespace holdfast
