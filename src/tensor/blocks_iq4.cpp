// IQ4_NL and IQ4_XS: 4 bits choose one of 16 unevenly spaced values.

#include "tensor/block_codecs.h"
#include "tensor/blocks.h"
#include "tensor/iq4_values.h"

namespace holdfast::codec {

// d: f16, qs: 16 bytes, halves as in Q4_0; value = d * table[q]
void decode_iq4_nl(const uint8_t* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; i += 32, src += 18, dst += 32) {
    const float d = f16_to_f32(load_u16(src));
    for (int j = 0; j < 16; ++j) {
      dst[j] = d * static_cast<float>(kIq4Values[src[2 + j] & 0xf]);
      dst[j + 16] = d * static_cast<float>(kIq4Values[src[2 + j] >> 4]);
    }
  }
}

// 256 values: d: f16, scales_h: u16 (2 bits for each of 8 sub-blocks), scales_l: 4 bytes (4 bits
// each), qs: 8 times 16 bytes; value = d * (scale - 32) * table[q]
void decode_iq4_xs(const uint8_t* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; i += 256, src += 136, dst += 256) {
    const float d = f16_to_f32(load_u16(src));
    const unsigned high = load_u16(src + 2);
    for (int sub = 0; sub < 8; ++sub) {
      const unsigned low = src[4 + sub / 2] >> (sub % 2 * 4) & 0xfu;
      const int scale = static_cast<int>(low | (high >> (2 * sub) & 3u) << 4) - 32;
      const float ds = d * static_cast<float>(scale);
      const uint8_t* qs = src + 8 + 16 * sub;
      for (int j = 0; j < 16; ++j) {
        dst[32 * sub + j] = ds * static_cast<float>(kIq4Values[qs[j] & 0xf]);
        dst[32 * sub + j + 16] = ds * static_cast<float>(kIq4Values[qs[j] >> 4]);
      }
    }
  }
}

}  // namespace holdfast::codec
