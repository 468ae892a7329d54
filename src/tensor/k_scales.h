// The packed 6-bit scales of the k-quants.
#pragma once

#include <cstdint>

namespace holdfast::codec {

// Q3_K: 12 bytes hold 16 scales of 6 bits, offset by 32. The low 4 bits of scale j are in half j /
// 8 of byte j % 8; its high 2 bits at 2 (j / 4) of byte 8 + j % 4.
inline void unpack_q3_scales(const uint8_t* packed, int8_t scales[16]) {
  for (int j = 0; j < 16; ++j) {
    const int low = packed[j % 8] >> (j / 8 * 4) & 0xf;
    const int high = packed[8 + j % 4] >> (j / 4 * 2) & 3;
    scales[j] = static_cast<int8_t>((low | high << 4) - 32);
  }
}

// Q4_K and Q5_K: 12 bytes hold 8 scales and 8 minimums of 6 bits. The first four of each lie in the
// low 6 bits of bytes 0-3 and 4-7; the last four have their low 4 bits in the halves of bytes 8-11
// and their high 2 bits on top of bytes 0-3 and 4-7.
inline void unpack_q4_scales(const uint8_t* packed, uint8_t scales[8], uint8_t minimums[8]) {
  for (int j = 0; j < 4; ++j) {
    scales[j] = packed[j] & 0x3f;
    minimums[j] = packed[j + 4] & 0x3f;
    scales[j + 4] = static_cast<uint8_t>((packed[j + 8] & 0xf) | (packed[j] >> 6) << 4);
    minimums[j + 4] = static_cast<uint8_t>(packed[j + 8] >> 4 | (packed[j + 4] >> 6) << 4);
  }
}

inline void pack_q3_scales(const int8_t scales[16], uint8_t* packed) {
  for (int j = 0; j < 12; ++j) packed[j] = 0;
  for (int j = 0; j < 16; ++j) {
    const int stored = scales[j] + 32;
    packed[j % 8] |= static_cast<uint8_t>((stored & 0xf) << (j / 8 * 4));
    packed[8 + j % 4] |= static_cast<uint8_t>((stored >> 4) << (j / 4 * 2));
  }
}

inline void pack_q4_scales(const uint8_t* scales, const uint8_t* minimums, uint8_t* packed) {
  for (int j = 0; j < 4; ++j) {
    packed[j] = static_cast<uint8_t>(scales[j] | (scales[j + 4] >> 4) << 6);
    packed[j + 4] = static_cast<uint8_t>(minimums[j] | (minimums[j + 4] >> 4) << 6);
    packed[j + 8] = static_cast<uint8_t>((scales[j + 4] & 0xf) | (minimums[j + 4] & 0xf) << 4);
  }
}

}  // namespace holdfast::codec
