// Encoding of the 32-value formats; layouts as in blocks_legacy.cpp.

#include <algorithm>
#include <array>
#include <cmath>

#include "tensor/block_codecs.h"
#include "tensor/blocks.h"
#include "tensor/scale_search.h"

namespace holdfast::codec {
namespace {

constexpr int kBlock = 32;
constexpr int kHalf = kBlock / 2;

using Quants = std::array<int, kBlock>;

// Chooses a scale for q in [-levels, levels - 1], writes it, and returns q + levels.
Quants encode_symmetric(const float* src, const float* importance, int levels, uint8_t* dst) {
  std::array<float, kBlock> weights;
  fit_weights(src, importance, kBlock, mean_square(src, kBlock), weights.data());
  const float d = store_scale(fit_symmetric(src, weights.data(), kBlock, levels), dst);
  Quants quants;
  for (int j = 0; j < kBlock; ++j)
    quants[static_cast<std::size_t>(j)] =
        rounded(src[j] * inverse_of(d), -levels, levels - 1) + levels;
  return quants;
}

// Chooses scale and offset for q in [0, levels], writes both, and returns q.
Quants encode_offset(const float* src, const float* importance, int levels, uint8_t* dst) {
  std::array<float, kBlock> weights;
  fit_weights(src, importance, kBlock, mean_square(src, kBlock), weights.data());
  const OffsetFit fit = fit_offset(src, weights.data(), kBlock, levels);
  const float d = store_scale(fit.scale, dst);
  const float m = store_scale(fit.offset, dst + 2);
  Quants quants;
  for (int j = 0; j < kBlock; ++j)
    quants[static_cast<std::size_t>(j)] = rounded((src[j] - m) * inverse_of(d), 0, levels);
  return quants;
}

void pack_nibbles(const Quants& quants, uint8_t* qs) {
  for (std::size_t j = 0; j < kHalf; ++j)
    qs[j] = static_cast<uint8_t>((quants[j] & 0xf) | (quants[j + kHalf] & 0xf) << 4);
}

void pack_fifth_bits(const Quants& quants, uint8_t* qh) {
  uint32_t bits = 0;
  for (std::size_t j = 0; j < kBlock; ++j) bits |= static_cast<uint32_t>(quants[j] >> 4 & 1) << j;
  std::memcpy(qh, &bits, sizeof bits);
}

const float* at(const float* importance, int64_t i) {
  return importance == nullptr ? nullptr : importance + i;
}

}  // namespace

void encode_q4_0(const float* src, uint8_t* dst, int64_t n, const float* importance) {
  for (int64_t i = 0; i < n; i += kBlock, dst += 18)
    pack_nibbles(encode_symmetric(src + i, at(importance, i), 8, dst), dst + 2);
}

void encode_q4_1(const float* src, uint8_t* dst, int64_t n, const float* importance) {
  for (int64_t i = 0; i < n; i += kBlock, dst += 20)
    pack_nibbles(encode_offset(src + i, at(importance, i), 15, dst), dst + 4);
}

void encode_q5_0(const float* src, uint8_t* dst, int64_t n, const float* importance) {
  for (int64_t i = 0; i < n; i += kBlock, dst += 22) {
    const Quants quants = encode_symmetric(src + i, at(importance, i), 16, dst);
    pack_fifth_bits(quants, dst + 2);
    pack_nibbles(quants, dst + 6);
  }
}

void encode_q5_1(const float* src, uint8_t* dst, int64_t n, const float* importance) {
  for (int64_t i = 0; i < n; i += kBlock, dst += 24) {
    const Quants quants = encode_offset(src + i, at(importance, i), 31, dst);
    pack_fifth_bits(quants, dst + 4);
    pack_nibbles(quants, dst + 8);
  }
}

// The greatest magnitude becomes 127; rounding half away from zero. The same bytes as gguf-py's: at
// 8 bits a search gains nothing worth being different for.
void encode_q8_0(const float* src, uint8_t* dst, int64_t n, const float* /*importance*/) {
  for (int64_t i = 0; i < n; i += kBlock, src += kBlock, dst += 34) {
    float most = 0.0f;
    for (int j = 0; j < kBlock; ++j) most = std::max(most, std::fabs(src[j]));
    const float d = most / 127.0f;
    const float inverse = inverse_of(d);
    store_scale(d, dst);
    for (int j = 0; j < kBlock; ++j) {
      const float q = std::clamp(std::round(src[j] * inverse), -127.0f, 127.0f);
      dst[2 + j] = static_cast<uint8_t>(static_cast<int8_t>(q));
    }
  }
}

}  // namespace holdfast::codec
