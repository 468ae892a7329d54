// Packed weights times quantized activations in plain C++.
#pragma once

#include <cmath>
#include <cstring>

#include "backend/cpu/packed_codes.h"
#include "backend/cpu/shared/chunk.h"

namespace holdfast::cpu {
namespace {

constexpr int kPanels = 1;
constexpr bool kSignedBytes = false;

// codes = round(x / scale), scale = max |x| / 127; sums of the two halves' codes.
inline float quantize_strip(const float* x, unsigned char* codes, int32_t* sums) {
  float largest = 0.0f;
  for (int i = 0; i < kStripColumns; ++i)
    largest = std::fabs(x[i]) > largest ? std::fabs(x[i]) : largest;
  const float inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
  sums[0] = sums[1] = 0;
  for (int i = 0; i < kStripColumns; ++i) {
    // Adding 1.5 * 2^23 rounds to a whole number, ties to even; NaN must not reach the cast.
    const float code = (x[i] * inverse + 12582912.0f) - 12582912.0f;
    const auto whole = static_cast<int8_t>(code >= -127.0f && code <= 127.0f ? code : 0.0f);
    codes[i] = static_cast<unsigned char>(whole);
    sums[i / 16] += whole;
  }
  return largest / 127.0f;
}

// Scales and minimums of the `blocks` of a chunk: [groups][16] each.
inline void unpack_scales(const PackedFormat& format, const unsigned char* p, int blocks,
                          float* scales, float* minimums) {
  for (int block = 0; block < blocks; ++block, p += format.scale_bytes) {
    for (int g = 0; g < format.block / format.group; ++g) {
      for (int row = 0; row < kPanelRows; ++row) {
        const RowScale s = row_scale(format.scales, p, g, row);
        *scales++ = s.scale;
        *minimums++ = s.minimum;
      }
    }
  }
}

template <CodePlanes kPlanes, int kGroups, bool kMinimum, int>
void multiply(const Chunk& chunk) {
  constexpr int kSteps = 8 / kGroups;
  constexpr int kScale = kStripColumns, kAux = kScale + 4, kRecord = kAux + 4 * kGroups;
  const unsigned char* x = chunk.x;
  for (int strip = 0; strip < chunk.strips; ++strip) {
    uint8_t codes[kStripCodes];
    for (int i = 0; i < kStripCodes; ++i) {
      codes[i] = static_cast<uint8_t>(
          unpack_code(kPlanes, chunk.codes[0] + strip * chunk.strip_bytes, i / 64, i % 64));
    }
    const float* scales = chunk.scales[0] + strip * kGroups * kPanelRows;
    const float* minimums = chunk.minimums[0] + strip * kGroups * kPanelRows;
    float* sum = chunk.acc[0];
    for (int64_t r = 0; r < chunk.rows; ++r, x += kRecord, sum += kPanelRows) {
      for (int g = 0; g < kGroups; ++g) {
        int32_t dot[kPanelRows];
        for (int32_t& d : dot) d = kMinimum ? 0 : word(x + kAux + 4 * g);
        for (int step = g * kSteps; step < (g + 1) * kSteps; ++step) {
          int8_t v[4];
          std::memcpy(v, x + 4 * step, 4);
          const uint8_t* w = codes + step * 64;
          for (int row = 0; row < kPanelRows; ++row)
            dot[row] += w[4 * row] * v[0] + w[4 * row + 1] * v[1] + w[4 * row + 2] * v[2] +
                        w[4 * row + 3] * v[3];
        }
        for (int row = 0; row < kPanelRows; ++row) {
          sum[row] +=
              static_cast<float>(dot[row]) * (scales[g * kPanelRows + row] * number(x + kScale));
          if (kMinimum) sum[row] -= minimums[g * kPanelRows + row] * number(x + kAux + 4 * g);
        }
      }
    }
  }
}

}  // namespace
}  // namespace holdfast::cpu
