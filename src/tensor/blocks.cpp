#include "tensor/blocks.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "tensor/block_codecs.h"

namespace holdfast {
namespace {

struct Codec {
  DType type;
  codec::Decode decode;
  codec::Encode encode;
};

constexpr std::array kCodecs{
    Codec{DType::kF32, codec::decode_f32, codec::encode_f32},
    Codec{DType::kF16, codec::decode_f16, codec::encode_f16},
    Codec{DType::kBF16, codec::decode_bf16, codec::encode_bf16},
    Codec{DType::kF8_E4M3, codec::decode_f8_e4m3, codec::encode_f8_e4m3},
    Codec{DType::kQ4_0, codec::decode_q4_0, codec::encode_q4_0},
    Codec{DType::kQ4_1, codec::decode_q4_1, codec::encode_q4_1},
    Codec{DType::kQ5_0, codec::decode_q5_0, codec::encode_q5_0},
    Codec{DType::kQ5_1, codec::decode_q5_1, codec::encode_q5_1},
    Codec{DType::kQ8_0, codec::decode_q8_0, codec::encode_q8_0},
    Codec{DType::kQ2_K, codec::decode_q2_k, codec::encode_q2_k},
    Codec{DType::kQ3_K, codec::decode_q3_k, codec::encode_q3_k},
    Codec{DType::kQ4_K, codec::decode_q4_k, codec::encode_q4_k},
    Codec{DType::kQ5_K, codec::decode_q5_k, codec::encode_q5_k},
    Codec{DType::kQ6_K, codec::decode_q6_k, codec::encode_q6_k},
    Codec{DType::kIQ4_NL, codec::decode_iq4_nl, codec::encode_iq4_nl},
    Codec{DType::kIQ4_XS, codec::decode_iq4_xs, codec::encode_iq4_xs},
};

const Codec& find_codec(DType type, int64_t n) {
  const auto it = std::ranges::find(kCodecs, type, &Codec::type);
  CHECK(it != kCodecs.end()) << "dtype " << static_cast<uint32_t>(type) << " is not computed";
  CHECK(n >= 0 && n % dtype_info(type).block_size == 0) << n << " values";
  return *it;
}

}  // namespace

void dequantize(DType type, const void* src, float* dst, int64_t n) {
  const Codec& found = find_codec(type, n);
  if (n > 0) found.decode(static_cast<const uint8_t*>(src), dst, n);
}

void quantize(DType type, const float* src, void* dst, int64_t n, const float* importance) {
  const Codec& found = find_codec(type, n);
  if (n > 0) found.encode(src, static_cast<uint8_t*>(dst), n, importance);
}

}  // namespace holdfast
