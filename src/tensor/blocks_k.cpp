// The k-quants: super-blocks of 256 values, in sub-blocks of 16 or 32 whose scales (and minimums)
// are small integers times an f16 of the super-block.

#include "tensor/block_codecs.h"
#include "tensor/blocks.h"
#include "tensor/k_scales.h"

namespace holdfast::codec {

constexpr int kBlock = 256;

// scales: 16 bytes (scale in the low half, minimum in the high half), qs: 64 bytes of 2 bits, d,
// dmin: f16; value = d * scale * q - dmin * minimum. Bits 2s of qs[32 h + l] are value 128 h + 32 s
// + l.
void decode_q2_k(const uint8_t* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; i += kBlock, src += 84, dst += kBlock) {
    const uint8_t* scales = src;
    const uint8_t* qs = src + 16;
    const float d = f16_to_f32(load_u16(src + 80));
    const float dmin = f16_to_f32(load_u16(src + 82));
    for (int sub = 0; sub < 16; ++sub) {
      const float scale = d * static_cast<float>(scales[sub] & 0xf);
      const float minimum = dmin * static_cast<float>(scales[sub] >> 4);
      const uint8_t* bytes = qs + sub / 8 * 32 + sub % 2 * 16;
      const int shift = sub % 8 / 2 * 2;
      for (int l = 0; l < 16; ++l)
        dst[16 * sub + l] = scale * static_cast<float>(bytes[l] >> shift & 3) - minimum;
    }
  }
}

// hmask: 32 bytes, bit s of hmask[l] is the third bit of value 32 s + l; qs as in Q2_K; scales: 12
// bytes; d: f16; value = d * scale * (q - 4).
void decode_q3_k(const uint8_t* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; i += kBlock, src += 110, dst += kBlock) {
    const uint8_t* hmask = src;
    const uint8_t* qs = src + 32;
    int8_t scales[16];
    unpack_q3_scales(src + 96, scales);
    const float d = f16_to_f32(load_u16(src + 108));
    for (int sub = 0; sub < 16; ++sub) {
      const float scale = d * static_cast<float>(scales[sub]);
      const uint8_t* bytes = qs + sub / 8 * 32 + sub % 2 * 16;
      const uint8_t* high = hmask + sub % 2 * 16;
      const int shift = sub % 8 / 2 * 2;
      for (int l = 0; l < 16; ++l) {
        const int q = (bytes[l] >> shift & 3) - ((high[l] >> (sub / 2) & 1) != 0 ? 0 : 4);
        dst[16 * sub + l] = scale * static_cast<float>(q);
      }
    }
  }
}

// d, dmin: f16; scales: 12 bytes; qs: 128 bytes; value = d * scale * q - dmin * minimum. Byte
// qs[32 p + l] holds value 64 p + l in its low half and value 64 p + 32 + l in its high half.
void decode_q4_k(const uint8_t* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; i += kBlock, src += 144, dst += kBlock) {
    const float d = f16_to_f32(load_u16(src));
    const float dmin = f16_to_f32(load_u16(src + 2));
    uint8_t scales[8], minimums[8];
    unpack_q4_scales(src + 4, scales, minimums);
    for (int sub = 0; sub < 8; ++sub) {
      const float scale = d * static_cast<float>(scales[sub]);
      const float minimum = dmin * static_cast<float>(minimums[sub]);
      const uint8_t* bytes = src + 16 + sub / 2 * 32;
      const int shift = sub % 2 * 4;
      for (int l = 0; l < 32; ++l)
        dst[32 * sub + l] = scale * static_cast<float>(bytes[l] >> shift & 0xf) - minimum;
    }
  }
}

// As Q4_K, with qh (32 bytes) between scales and qs: bit s of qh[l] is the fifth bit of value 32 s
// + l.
void decode_q5_k(const uint8_t* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; i += kBlock, src += 176, dst += kBlock) {
    const float d = f16_to_f32(load_u16(src));
    const float dmin = f16_to_f32(load_u16(src + 2));
    uint8_t scales[8], minimums[8];
    unpack_q4_scales(src + 4, scales, minimums);
    const uint8_t* qh = src + 16;
    for (int sub = 0; sub < 8; ++sub) {
      const float scale = d * static_cast<float>(scales[sub]);
      const float minimum = dmin * static_cast<float>(minimums[sub]);
      const uint8_t* bytes = src + 48 + sub / 2 * 32;
      const int shift = sub % 2 * 4;
      for (int l = 0; l < 32; ++l) {
        const int q = (bytes[l] >> shift & 0xf) | (qh[l] >> sub & 1) << 4;
        dst[32 * sub + l] = scale * static_cast<float>(q) - minimum;
      }
    }
  }
}

// ql: 128 bytes of low 4 bits, qh: 64 bytes of high 2 bits, scales: 16 signed bytes, d: f16; value
// = d * scale * (q - 32). In each half of 128 values: value 32 g + l has its low bits in half g / 2
// of ql[64 half + 32 (g % 2) + l] and its high bits at 2g of qh[32 half + l].
void decode_q6_k(const uint8_t* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; i += kBlock, src += 210, dst += kBlock) {
    const float d = f16_to_f32(load_u16(src + 208));
    for (int sub = 0; sub < 16; ++sub) {
      const float scale = d * static_cast<float>(static_cast<int8_t>(src[192 + sub]));
      const int half = sub / 8;
      const int group = sub % 8 / 2;
      const int l0 = sub % 2 * 16;
      const uint8_t* low = src + 64 * half + 32 * (group % 2) + l0;
      const uint8_t* high = src + 128 + 32 * half + l0;
      for (int l = 0; l < 16; ++l) {
        const int q = (low[l] >> (group / 2 * 4) & 0xf) | (high[l] >> (2 * group) & 3) << 4;
        dst[16 * sub + l] = scale * static_cast<float>(q - 32);
      }
    }
  }
}

}  // namespace holdfast::codec
