// The decode and encode function of each block format, one file a family; blocks.cpp holds the
// table over them. Internal to tensor/.
//
// Formats as in ggml (https://github.com/ggml-org/ggml, ggml-common.h). All multi-byte fields are
// little-endian; f16 scales are IEEE binary16.
#pragma once

#include <cstdint>
#include <cstring>

namespace holdfast::codec {

// Decodes whole blocks worth `n` values.
using Decode = void (*)(const uint8_t* src, float* dst, int64_t n);

// Encodes whole blocks worth `n` finite values; `importance` (n weights) may be null.
using Encode = void (*)(const float* src, uint8_t* dst, int64_t n, const float* importance);

inline uint16_t load_u16(const uint8_t* from) {
  uint16_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
inline uint32_t load_u32(const uint8_t* from) {
  uint32_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
// Writes a block's scale as f16, at most the greatest finite one, and returns what was written.
float store_scale(float scale, uint8_t* dst);

// floats.cpp: one value a block.
void decode_f32(const uint8_t* src, float* dst, int64_t n);
void encode_f32(const float* src, uint8_t* dst, int64_t n, const float* importance);
void decode_f16(const uint8_t* src, float* dst, int64_t n);
void encode_f16(const float* src, uint8_t* dst, int64_t n, const float* importance);
void decode_bf16(const uint8_t* src, float* dst, int64_t n);
void encode_bf16(const float* src, uint8_t* dst, int64_t n, const float* importance);
void decode_f8_e4m3(const uint8_t* src, float* dst, int64_t n);
void encode_f8_e4m3(const float* src, uint8_t* dst, int64_t n, const float* importance);

// blocks_legacy.cpp, encode_legacy.cpp: 32 values with one f16 scale, and for _1 one f16 minimum.
void decode_q4_0(const uint8_t* src, float* dst, int64_t n);
void encode_q4_0(const float* src, uint8_t* dst, int64_t n, const float* importance);
void decode_q4_1(const uint8_t* src, float* dst, int64_t n);
void encode_q4_1(const float* src, uint8_t* dst, int64_t n, const float* importance);
void decode_q5_0(const uint8_t* src, float* dst, int64_t n);
void encode_q5_0(const float* src, uint8_t* dst, int64_t n, const float* importance);
void decode_q5_1(const uint8_t* src, float* dst, int64_t n);
void encode_q5_1(const float* src, uint8_t* dst, int64_t n, const float* importance);
void decode_q8_0(const uint8_t* src, float* dst, int64_t n);
void encode_q8_0(const float* src, uint8_t* dst, int64_t n, const float* importance);

// blocks_k.cpp, encode_k.cpp: 256 values in 8 or 16 sub-blocks, whose scales are themselves
// quantized.
void decode_q2_k(const uint8_t* src, float* dst, int64_t n);
void encode_q2_k(const float* src, uint8_t* dst, int64_t n, const float* importance);
void decode_q3_k(const uint8_t* src, float* dst, int64_t n);
void encode_q3_k(const float* src, uint8_t* dst, int64_t n, const float* importance);
void decode_q4_k(const uint8_t* src, float* dst, int64_t n);
void encode_q4_k(const float* src, uint8_t* dst, int64_t n, const float* importance);
void decode_q5_k(const uint8_t* src, float* dst, int64_t n);
void encode_q5_k(const float* src, uint8_t* dst, int64_t n, const float* importance);
void decode_q6_k(const uint8_t* src, float* dst, int64_t n);
void encode_q6_k(const float* src, uint8_t* dst, int64_t n, const float* importance);

// blocks_iq4.cpp, encode_iq4.cpp: 4-bit indices into a table of unevenly spaced values.
void decode_iq4_nl(const uint8_t* src, float* dst, int64_t n);
void encode_iq4_nl(const float* src, uint8_t* dst, int64_t n, const float* importance);
void decode_iq4_xs(const uint8_t* src, float* dst, int64_t n);
void encode_iq4_xs(const float* src, uint8_t* dst, int64_t n, const float* importance);

}  // namespace holdfast::codec
