#include "tensor/blocks.h"

#include "base/check.h"
#include "tensor/block_codecs.h"

namespace holdfast {
namespace {

codec::Decode find_decode(DType type) {
  switch (type) {
    case DType::kF32:
      return codec::decode_f32;
    case DType::kF16:
      return codec::decode_f16;
    case DType::kBF16:
      return codec::decode_bf16;
    case DType::kF8_E4M3:
      return codec::decode_f8_e4m3;
    case DType::kQ4_0:
      return codec::decode_q4_0;
    case DType::kQ4_1:
      return codec::decode_q4_1;
    case DType::kQ5_0:
      return codec::decode_q5_0;
    case DType::kQ5_1:
      return codec::decode_q5_1;
    case DType::kQ8_0:
      return codec::decode_q8_0;
    case DType::kQ2_K:
      return codec::decode_q2_k;
    case DType::kQ3_K:
      return codec::decode_q3_k;
    case DType::kQ4_K:
      return codec::decode_q4_k;
    case DType::kQ5_K:
      return codec::decode_q5_k;
    case DType::kQ6_K:
      return codec::decode_q6_k;
    case DType::kIQ4_NL:
      return codec::decode_iq4_nl;
    case DType::kIQ4_XS:
      return codec::decode_iq4_xs;
    default:
      return nullptr;
  }
}

}  // namespace

void dequantize(DType type, const void* src, float* dst, int64_t n) {
  const codec::Decode decode = find_decode(type);
  CHECK(decode != nullptr) << "dtype " << static_cast<uint32_t>(type) << " is not computed";
  CHECK(n >= 0 && n % dtype_info(type).block_size == 0) << n << " values";
  decode(static_cast<const uint8_t*>(src), dst, n);
}

}  // namespace holdfast
