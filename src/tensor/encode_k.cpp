// Encoding of the k-quants; layouts as in blocks_k.cpp.

#include <algorithm>
#include <array>
#include <cmath>

#include "tensor/block_codecs.h"
#include "tensor/blocks.h"
#include "tensor/k_scales.h"
#include "tensor/scale_search.h"

namespace holdfast::codec {
namespace {

constexpr int kBlock = 256;

using Quants = std::array<uint8_t, kBlock>;

const float* at(const float* importance, int64_t i) {
  return importance == nullptr ? nullptr : importance + i;
}

// Formats with minimums: value = d * scale * q - dmin * minimum, scale and minimum small integers.
struct AffineBlock {
  std::array<uint8_t, 16> scales{}, minimums{};  // of each sub-block
  Quants quants{};
};

// `size`: values in a sub-block; `levels`: the greatest q; `scale_levels`: the greatest scale and
// minimum. Writes d and dmin (f16).
AffineBlock encode_affine(const float* src, const float* importance, int size, int levels,
                          int scale_levels, uint8_t* d_out, uint8_t* dmin_out) {
  const int count = kBlock / size;
  std::array<AffineFit, 16> fits;
  float most_scale = 0.0f, most_minimum = 0.0f;
  const float square = mean_square(src, kBlock);
  for (int sub = 0; sub < count; ++sub) {
    const float* x = src + sub * size;
    std::array<float, kMostFitted> weights;
    const float* its = at(importance, sub * size);
    fit_weights(x, its, size, its != nullptr ? square : mean_square(x, size), weights.data());
    const AffineFit fit = fit_affine(x, weights.data(), size, levels);
    fits[static_cast<std::size_t>(sub)] = fit;
    most_scale = std::max(most_scale, fit.scale);
    most_minimum = std::max(most_minimum, fit.minimum);
  }
  const auto top = static_cast<float>(scale_levels);
  const float d = store_scale(most_scale / top, d_out);
  const float dmin = store_scale(most_minimum / top, dmin_out);
  AffineBlock block;
  for (int sub = 0; sub < count; ++sub) {
    const auto s = static_cast<std::size_t>(sub);
    const int scale = rounded(fits[s].scale * inverse_of(d), 0, scale_levels);
    const int minimum = rounded(fits[s].minimum * inverse_of(dmin), 0, scale_levels);
    block.scales[s] = static_cast<uint8_t>(scale);
    block.minimums[s] = static_cast<uint8_t>(minimum);
    const float step = d * static_cast<float>(scale);
    const float inverse = inverse_of(step);
    const float offset = dmin * static_cast<float>(minimum);
    for (int l = 0; l < size; ++l) {
      block.quants[s * static_cast<std::size_t>(size) + static_cast<std::size_t>(l)] =
          static_cast<uint8_t>(rounded((src[sub * size + l] + offset) * inverse, 0, levels));
    }
  }
  return block;
}

// Formats without minimums: value = d * scale * (q - levels), scale in [-scale_levels,
// scale_levels).
struct SymmetricBlock {
  std::array<int8_t, 16> scales{};
  Quants quants{};  // q, from 0
};

SymmetricBlock encode_symmetric(const float* src, const float* importance, int levels,
                                int scale_levels, uint8_t* d_out) {
  std::array<float, 16> fits;
  float extreme = 0.0f;
  const float square = mean_square(src, kBlock);
  for (int sub = 0; sub < 16; ++sub) {
    const float* x = src + 16 * sub;
    std::array<float, 16> weights;
    const float* its = at(importance, 16 * sub);
    fit_weights(x, its, 16, its != nullptr ? square : mean_square(x, 16), weights.data());
    const float scale = fit_symmetric(x, weights.data(), 16, levels);
    fits[static_cast<std::size_t>(sub)] = scale;
    if (std::fabs(scale) > std::fabs(extreme)) extreme = scale;
  }
  const float d = store_scale(-extreme / static_cast<float>(scale_levels), d_out);
  SymmetricBlock block;
  for (int sub = 0; sub < 16; ++sub) {
    const auto s = static_cast<std::size_t>(sub);
    const int scale = rounded(fits[s] * inverse_of(d), -scale_levels, scale_levels - 1);
    block.scales[s] = static_cast<int8_t>(scale);
    const float step = d * static_cast<float>(scale);
    const float inverse = inverse_of(step);
    for (int l = 0; l < 16; ++l) {
      block.quants[16 * s + static_cast<std::size_t>(l)] =
          static_cast<uint8_t>(rounded(src[16 * sub + l] * inverse, -levels, levels - 1) + levels);
    }
  }
  return block;
}

// Q2_K and Q3_K: 2 bits of each value, as blocks_k.cpp tells.
void pack_pairs(const Quants& quants, uint8_t* qs) {
  std::fill_n(qs, 64, uint8_t{0});
  for (int i = 0; i < kBlock; ++i) {
    const int shift = i % 128 / 32 * 2;
    qs[i / 128 * 32 + i % 32] |=
        static_cast<uint8_t>((quants[static_cast<std::size_t>(i)] & 3) << shift);
  }
}

// Q4_K and Q5_K: the low 4 bits of each value.
void pack_nibbles(const Quants& quants, uint8_t* qs) {
  for (std::size_t p = 0; p < 4; ++p) {
    for (std::size_t l = 0; l < 32; ++l) {
      qs[32 * p + l] =
          static_cast<uint8_t>((quants[64 * p + l] & 0xf) | (quants[64 * p + 32 + l] & 0xf) << 4);
    }
  }
}

}  // namespace

void encode_q2_k(const float* src, uint8_t* dst, int64_t n, const float* importance) {
  for (int64_t i = 0; i < n; i += kBlock, dst += 84) {
    const AffineBlock block =
        encode_affine(src + i, at(importance, i), 16, 3, 15, dst + 80, dst + 82);
    for (std::size_t sub = 0; sub < 16; ++sub)
      dst[sub] = static_cast<uint8_t>(block.scales[sub] | block.minimums[sub] << 4);
    pack_pairs(block.quants, dst + 16);
  }
}

void encode_q3_k(const float* src, uint8_t* dst, int64_t n, const float* importance) {
  for (int64_t i = 0; i < n; i += kBlock, dst += 110) {
    const SymmetricBlock block = encode_symmetric(src + i, at(importance, i), 4, 32, dst + 108);
    std::fill_n(dst, 32, uint8_t{0});
    for (std::size_t j = 0; j < kBlock; ++j)
      dst[j % 32] |= static_cast<uint8_t>((block.quants[j] >> 2) << (j / 32));
    pack_pairs(block.quants, dst + 32);
    pack_q3_scales(block.scales.data(), dst + 96);
  }
}

void encode_q4_k(const float* src, uint8_t* dst, int64_t n, const float* importance) {
  for (int64_t i = 0; i < n; i += kBlock, dst += 144) {
    const AffineBlock block = encode_affine(src + i, at(importance, i), 32, 15, 63, dst, dst + 2);
    pack_q4_scales(block.scales.data(), block.minimums.data(), dst + 4);
    pack_nibbles(block.quants, dst + 16);
  }
}

void encode_q5_k(const float* src, uint8_t* dst, int64_t n, const float* importance) {
  for (int64_t i = 0; i < n; i += kBlock, dst += 176) {
    const AffineBlock block = encode_affine(src + i, at(importance, i), 32, 31, 63, dst, dst + 2);
    pack_q4_scales(block.scales.data(), block.minimums.data(), dst + 4);
    std::fill_n(dst + 16, 32, uint8_t{0});
    for (std::size_t j = 0; j < kBlock; ++j)
      dst[16 + j % 32] |= static_cast<uint8_t>((block.quants[j] >> 4) << (j / 32));
    pack_nibbles(block.quants, dst + 48);
  }
}

void encode_q6_k(const float* src, uint8_t* dst, int64_t n, const float* importance) {
  for (int64_t i = 0; i < n; i += kBlock, dst += 210) {
    const SymmetricBlock block = encode_symmetric(src + i, at(importance, i), 32, 128, dst + 208);
    std::fill_n(dst, 192, uint8_t{0});
    for (std::size_t j = 0; j < kBlock; ++j) {
      const std::size_t half = j / 128, group = j % 128 / 32, l = j % 32;
      const unsigned q = block.quants[j];
      dst[64 * half + 32 * (group % 2) + l] |= static_cast<uint8_t>((q & 0xf) << (group / 2 * 4));
      dst[128 + 32 * half + l] |= static_cast<uint8_t>((q >> 4) << (2 * group));
    }
    for (std::size_t sub = 0; sub < 16; ++sub)
      dst[192 + sub] = static_cast<uint8_t>(block.scales[sub]);
  }
}

}  // namespace holdfast::codec
