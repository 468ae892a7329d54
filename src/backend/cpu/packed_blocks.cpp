// Layouts as in tensor/blocks_*.cpp, which say where each bit lies.
#include "backend/cpu/packed_blocks.h"

#include <cstring>

#include "base/check.h"
#include "tensor/block_codecs.h"
#include "tensor/k_scales.h"

namespace holdfast::cpu {
namespace {

using codec::load_u16;

// 16 bytes of two 4-bit codes: value l in the low half of byte l, value l + 16 in the high half.
void split_nibbles(const uint8_t* from, uint8_t* codes) {
  for (int l = 0; l < 16; ++l) {
    codes[l] = from[l] & 15;
    codes[l + 16] = from[l] >> 4;
  }
}

// Bit l of the 32 is the fifth bit of value l.
void add_fifth_bits(const uint8_t* from, uint8_t* codes) {
  const uint32_t bits = codec::load_u32(from);
  for (int l = 0; l < 32; ++l) codes[l] = static_cast<uint8_t>(codes[l] | (bits >> l & 1) << 4);
}

void split_q2_k(const uint8_t* block, uint8_t* codes, BlockScales& s) {
  s.d = load_u16(block + 80);
  s.dmin = load_u16(block + 82);
  for (int sub = 0; sub < 16; ++sub) {
    s.scale[sub] = block[sub] & 15;
    s.minimum[sub] = block[sub] >> 4;
    const uint8_t* bytes = block + 16 + sub / 8 * 32 + sub % 2 * 16;
    for (int l = 0; l < 16; ++l) codes[16 * sub + l] = bytes[l] >> (sub % 8 / 2 * 2) & 3;
  }
}

void split_q3_k(const uint8_t* block, uint8_t* codes, BlockScales& s) {
  s.d = load_u16(block + 108);
  int8_t scales[16];
  codec::unpack_q3_scales(block + 96, scales);
  for (int sub = 0; sub < 16; ++sub) {
    s.scale[sub] = static_cast<uint8_t>(scales[sub] + 32);
    const uint8_t* bytes = block + 32 + sub / 8 * 32 + sub % 2 * 16;
    const uint8_t* high = block + sub % 2 * 16;
    for (int l = 0; l < 16; ++l) {
      codes[16 * sub + l] = static_cast<uint8_t>((bytes[l] >> (sub % 8 / 2 * 2) & 3) |
                                                 (high[l] >> (sub / 2) & 1) << 2);
    }
  }
}

void split_q4_or_q5_k(const uint8_t* block, bool five, uint8_t* codes, BlockScales& s) {
  s.d = load_u16(block);
  s.dmin = load_u16(block + 2);
  codec::unpack_q4_scales(block + 4, s.scale, s.minimum);
  const uint8_t* low = block + (five ? 48 : 16);
  for (int pair = 0; pair < 4; ++pair, low += 32) {
    for (int l = 0; l < 32; ++l) codes[64 * pair + l] = low[l] & 15;
    for (int l = 0; l < 32; ++l) codes[64 * pair + 32 + l] = low[l] >> 4;
  }
  if (!five) return;
  const uint8_t* high = block + 16;
  for (int sub = 0; sub < 8; ++sub) {
    for (int l = 0; l < 32; ++l)
      codes[32 * sub + l] = static_cast<uint8_t>(codes[32 * sub + l] | (high[l] >> sub & 1) << 4);
  }
}

// Loops whose shifts are constants: the compiler makes vectors of them.
void split_q6_k(const uint8_t* block, uint8_t* codes, BlockScales& s) {
  s.d = load_u16(block + 208);
  std::memcpy(s.scale, block + 192, 16);
  const auto both = [](int low, int high) { return static_cast<uint8_t>(low | (high & 3) << 4); };
  for (int half = 0; half < 2; ++half, codes += 128) {
    const uint8_t *low = block + 64 * half, *high = block + 128 + 32 * half;
    for (int l = 0; l < 32; ++l) codes[l] = both(low[l] & 15, high[l]);
    for (int l = 0; l < 32; ++l) codes[l + 32] = both(low[l + 32] & 15, high[l] >> 2);
    for (int l = 0; l < 32; ++l) codes[l + 64] = both(low[l] >> 4, high[l] >> 4);
    for (int l = 0; l < 32; ++l) codes[l + 96] = both(low[l + 32] >> 4, high[l] >> 6);
  }
}

// scales_h: 2 high bits of each of 8 scales; scales_l: 4 low bits; qs: 8 x 16 bytes of nibbles.
void split_iq4_xs(const uint8_t* block, uint8_t* codes, BlockScales& s) {
  s.d = load_u16(block);
  const unsigned high = load_u16(block + 2);
  for (int g = 0; g < 8; ++g) {
    const unsigned low = block[4 + g / 2] >> (g % 2 * 4) & 15u;
    s.scale[g] = static_cast<uint8_t>(low | (high >> (2 * g) & 3u) << 4);
    split_nibbles(block + 8 + 16 * g, codes + 32 * g);
  }
}

}  // namespace

void split_block(DType type, const uint8_t* block, uint8_t* codes, BlockScales& scales) {
  switch (type) {
    case DType::kQ4_0:
    case DType::kIQ4_NL:
      scales.d = load_u16(block);
      return split_nibbles(block + 2, codes);
    case DType::kQ4_1:
      scales.d = load_u16(block);
      scales.dmin = load_u16(block + 2);
      return split_nibbles(block + 4, codes);
    case DType::kQ5_0:
      scales.d = load_u16(block);
      split_nibbles(block + 6, codes);
      return add_fifth_bits(block + 2, codes);
    case DType::kQ5_1:
      scales.d = load_u16(block);
      scales.dmin = load_u16(block + 2);
      split_nibbles(block + 8, codes);
      return add_fifth_bits(block + 4, codes);
    case DType::kQ8_0:
      scales.d = load_u16(block);
      for (int l = 0; l < 32; ++l) codes[l] = block[2 + l] ^ 0x80;
      return;
    case DType::kQ2_K:
      return split_q2_k(block, codes, scales);
    case DType::kQ3_K:
      return split_q3_k(block, codes, scales);
    case DType::kQ4_K:
      return split_q4_or_q5_k(block, false, codes, scales);
    case DType::kQ5_K:
      return split_q4_or_q5_k(block, true, codes, scales);
    case DType::kQ6_K:
      return split_q6_k(block, codes, scales);
    case DType::kIQ4_XS:
      return split_iq4_xs(block, codes, scales);
    default:
      CHECK(false) << dtype_info(type).name << " is no packed type";
  }
}

}  // namespace holdfast::cpu
