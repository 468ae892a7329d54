// The 32-value formats Q4_0, Q4_1, Q5_0, Q5_1 and Q8_0. In the 4- and 5-bit ones, byte j of `qs`
// holds value j in its low half and value j + 16 in its high half.

#include "tensor/block_codecs.h"
#include "tensor/blocks.h"

namespace holdfast::codec {

constexpr int kBlock = 32;
constexpr int kHalf = kBlock / 2;

// d: f16, qs: 16 bytes; value = d * (q - 8)
void decode_q4_0(const uint8_t* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; i += kBlock, src += 18, dst += kBlock) {
    const float d = f16_to_f32(load_u16(src));
    const uint8_t* qs = src + 2;
    for (int j = 0; j < kHalf; ++j) {
      dst[j] = d * static_cast<float>((qs[j] & 0xf) - 8);
      dst[j + kHalf] = d * static_cast<float>((qs[j] >> 4) - 8);
    }
  }
}

// d, m: f16, qs: 16 bytes; value = d * q + m
void decode_q4_1(const uint8_t* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; i += kBlock, src += 20, dst += kBlock) {
    const float d = f16_to_f32(load_u16(src));
    const float m = f16_to_f32(load_u16(src + 2));
    const uint8_t* qs = src + 4;
    for (int j = 0; j < kHalf; ++j) {
      dst[j] = d * static_cast<float>(qs[j] & 0xf) + m;
      dst[j + kHalf] = d * static_cast<float>(qs[j] >> 4) + m;
    }
  }
}

// d: f16, qh: bit j is the fifth bit of value j, qs: 16 bytes; value = d * (q - 16)
void decode_q5_0(const uint8_t* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; i += kBlock, src += 22, dst += kBlock) {
    const float d = f16_to_f32(load_u16(src));
    const uint32_t qh = load_u32(src + 2);
    const uint8_t* qs = src + 6;
    for (int j = 0; j < kHalf; ++j) {
      const auto low = static_cast<int>((qs[j] & 0xfu) | (qh >> j & 1u) << 4);
      const auto high = static_cast<int>((qs[j] >> 4) | (qh >> (j + kHalf) & 1u) << 4);
      dst[j] = d * static_cast<float>(low - 16);
      dst[j + kHalf] = d * static_cast<float>(high - 16);
    }
  }
}

// d, m: f16, qh, qs as in Q5_0; value = d * q + m
void decode_q5_1(const uint8_t* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; i += kBlock, src += 24, dst += kBlock) {
    const float d = f16_to_f32(load_u16(src));
    const float m = f16_to_f32(load_u16(src + 2));
    const uint32_t qh = load_u32(src + 4);
    const uint8_t* qs = src + 8;
    for (int j = 0; j < kHalf; ++j) {
      dst[j] = d * static_cast<float>((qs[j] & 0xfu) | (qh >> j & 1u) << 4) + m;
      dst[j + kHalf] = d * static_cast<float>((qs[j] >> 4) | (qh >> (j + kHalf) & 1u) << 4) + m;
    }
  }
}

// d: f16, qs: 32 signed bytes; value = d * q
void decode_q8_0(const uint8_t* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; i += kBlock, src += 34, dst += kBlock) {
    const float d = f16_to_f32(load_u16(src));
    for (int j = 0; j < kBlock; ++j)
      dst[j] = static_cast<float>(static_cast<int8_t>(src[2 + j])) * d;
  }
}

}  // namespace holdfast::codec
