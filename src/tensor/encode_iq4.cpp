// Encoding of IQ4_NL and IQ4_XS; layouts as in blocks_iq4.cpp.

#include <algorithm>
#include <array>
#include <cmath>

#include "tensor/block_codecs.h"
#include "tensor/blocks.h"
#include "tensor/iq4_values.h"
#include "tensor/scale_search.h"

namespace holdfast::codec {
namespace {

constexpr int kSub = 32;

// Halfway between neighbouring table values: x belongs to the index counted by the bounds below it.
constexpr std::array<float, 15> make_bounds() {
  std::array<float, 15> bounds{};
  for (std::size_t i = 0; i < bounds.size(); ++i)
    bounds[i] = 0.5f * static_cast<float>(kIq4Values[i] + kIq4Values[i + 1]);
  return bounds;
}
constexpr std::array<float, 15> kBounds = make_bounds();

int nearest(float x) {
  int index = 0;
  for (const float bound : kBounds) index += x > bound ? 1 : 0;
  return index;
}

// The scale for 32 values, by the same search as fit_symmetric over the uneven table.
float fit_table(const float* x, const float* weights) {
  float extreme = 0.0f;
  for (int i = 0; i < kSub; ++i) {
    if (std::fabs(x[i]) > std::fabs(extreme)) extreme = x[i];
  }
  if (extreme == 0.0f || !std::isfinite(127.0f / extreme)) return 0.0f;
  float best_scale = extreme / -127.0f;
  double best_gain = -1.0;
  // Either end of the table (-127 or 113) may meet the extreme.
  for (const float end : {-127.0f, 113.0f}) {
    for (int step = -7; step <= 7; ++step) {
      const float inverse = (end + static_cast<float>(step)) / extreme;
      double qx = 0.0, qq = 0.0;
      for (int i = 0; i < kSub; ++i) {
        const auto q =
            static_cast<float>(kIq4Values[static_cast<std::size_t>(nearest(x[i] * inverse))]);
        const float wq = weights[i] * q;
        qx += static_cast<double>(wq * x[i]);
        qq += static_cast<double>(wq * q);
      }
      if (qq > 0.0 && qx * qx / qq > best_gain) {
        best_gain = qx * qx / qq;
        best_scale = static_cast<float>(qx / qq);
      }
    }
  }
  return best_scale;
}

void pack(const float* x, float step, uint8_t* qs) {
  const float inverse = inverse_of(step);
  for (int j = 0; j < 16; ++j) {
    qs[j] = static_cast<uint8_t>(nearest(x[j] * inverse) | nearest(x[j + 16] * inverse) << 4);
  }
}

}  // namespace

void encode_iq4_nl(const float* src, uint8_t* dst, int64_t n, const float* importance) {
  for (int64_t i = 0; i < n; i += kSub, dst += 18) {
    std::array<float, kSub> weights;
    fit_weights(src + i, importance == nullptr ? nullptr : importance + i, kSub,
                mean_square(src + i, kSub), weights.data());
    const float d = store_scale(fit_table(src + i, weights.data()), dst);
    pack(src + i, d, dst + 2);
  }
}

void encode_iq4_xs(const float* src, uint8_t* dst, int64_t n, const float* importance) {
  for (int64_t i = 0; i < n; i += 256, dst += 136) {
    std::array<float, 8> fits;
    float extreme = 0.0f;
    const float square = mean_square(src + i, 256);
    for (int sub = 0; sub < 8; ++sub) {
      const float* x = src + i + kSub * sub;
      std::array<float, kSub> weights;
      fit_weights(x, importance == nullptr ? nullptr : importance + i + kSub * sub, kSub,
                  importance == nullptr ? mean_square(x, kSub) : square, weights.data());
      const float scale = fit_table(x, weights.data());
      fits[static_cast<std::size_t>(sub)] = scale;
      if (std::fabs(scale) > std::fabs(extreme)) extreme = scale;
    }
    const float d = store_scale(-extreme / 32.0f, dst);
    uint16_t high = 0;
    std::fill_n(dst + 4, 4, uint8_t{0});
    for (int sub = 0; sub < 8; ++sub) {
      const int scale = rounded(fits[static_cast<std::size_t>(sub)] * inverse_of(d), -32, 31);
      const auto stored = static_cast<unsigned>(scale + 32);
      dst[4 + sub / 2] |= static_cast<uint8_t>((stored & 0xf) << (sub % 2 * 4));
      high = static_cast<uint16_t>(high | (stored >> 4) << (2 * sub));
      pack(src + i + kSub * sub, d * static_cast<float>(scale), dst + 8 + 16 * sub);
    }
    std::memcpy(dst + 2, &high, sizeof high);
  }
}

}  // namespace holdfast::codec
