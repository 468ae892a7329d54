// Packed weights times quantized activations in plain C++.
#pragma once

#include <cmath>
#include <cstring>

#include "backend/cpu/packed_codes.h"
#include "backend/cpu/shared/tile.h"

namespace holdfast::cpu {
namespace {

constexpr int kSingleBlockRows = 4, kBlockRows = 4;
constexpr bool kSignedBytes = false;

inline int panels_for(int64_t) { return 1; }

// codes = round(x / scale), scale = max |x| / 127; sums of the two halves' codes.
inline float quantize_strip(const float* x, int8_t* codes, int32_t* sums) {
  float largest = 0.0f;
  for (int i = 0; i < kStripColumns; ++i)
    largest = std::fabs(x[i]) > largest ? std::fabs(x[i]) : largest;
  const float inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
  sums[0] = sums[1] = 0;
  for (int i = 0; i < kStripColumns; ++i) {
    // Adding 1.5 * 2^23 rounds to a whole number, ties to even; NaN must not reach the cast.
    const float code = (x[i] * inverse + 12582912.0f) - 12582912.0f;
    codes[i] = static_cast<int8_t>(code >= -127.0f && code <= 127.0f ? code : 0.0f);
    sums[i / 16] += codes[i];
  }
  return largest / 127.0f;
}

inline Tile unpack_tile(const PackedFormat& format, const unsigned char* scales,
                        const unsigned char* codes, int columns, unsigned char* scratch) {
  const int strips = columns / kStripColumns, groups = columns / format.group;
  float* const scales_to = reinterpret_cast<float*>(scratch);
  float* const minimums_to = scales_to + groups * kPanelRows;
  uint8_t* const codes_to = reinterpret_cast<uint8_t*>(minimums_to + groups * kPanelRows);
  const int per_block = format.block / format.group;
  for (int g = 0; g < groups; ++g) {
    const unsigned char* p = scales + g / per_block * format.scale_bytes;
    for (int row = 0; row < kPanelRows; ++row) {
      const RowScale s = row_scale(format.scales, p, g % per_block, row);
      scales_to[g * kPanelRows + row] = s.scale;
      minimums_to[g * kPanelRows + row] = s.minimum;
    }
  }
  if (format.planes == CodePlanes::k8) return {codes, scales_to, minimums_to};
  for (int s = 0; s < strips; ++s, codes += format.strip_bytes)
    for (int step = 0; step < 8; ++step)
      for (int i = 0; i < 64; ++i)
        codes_to[s * kStripCodes + step * 64 + i] =
            static_cast<uint8_t>(unpack_code(format.planes, codes, step, i));
  return {codes_to, scales_to, minimums_to};
}

template <int M, int kGroups, bool kMinimum>
void micro(const Tile* tiles, const unsigned char* x, int strips, float* const* acc, bool first,
           const Ahead&) {
  constexpr int kSteps = 8 / kGroups;
  constexpr int kAux = 4 * M, kCodes = kAux + kGroups * 4 * M, kRecord = kCodes + 32 * M;
  if (first) std::memset(acc[0], 0, M * kPanelRows * sizeof(float));
  const uint8_t* codes = tiles[0].codes;
  const float* scales = tiles[0].scales;
  const float* minimums = tiles[0].minimums;
  for (int strip = 0; strip < strips; ++strip, x += kRecord) {
    for (int g = 0; g < kGroups; ++g) {
      for (int r = 0; r < M; ++r) {
        int32_t dot[kPanelRows];
        int32_t start = 0;
        float scale, total = 0.0f;
        std::memcpy(&scale, x + 4 * r, 4);
        if (kMinimum) std::memcpy(&total, x + kAux + 4 * (g * M + r), 4);
        if (!kMinimum) std::memcpy(&start, x + kAux + 4 * (g * M + r), 4);
        for (int32_t& d : dot) d = start;
        for (int step = 0; step < kSteps; ++step) {
          int8_t v[4];
          std::memcpy(v, x + kCodes + 4 * ((g * kSteps + step) * M + r), 4);
          const uint8_t* w = codes + (g * kSteps + step) * 64;
          for (int row = 0; row < kPanelRows; ++row)
            dot[row] += w[4 * row] * v[0] + w[4 * row + 1] * v[1] + w[4 * row + 2] * v[2] +
                        w[4 * row + 3] * v[3];
        }
        float* sum = acc[0] + r * kPanelRows;
        for (int row = 0; row < kPanelRows; ++row) {
          sum[row] += static_cast<float>(dot[row]) * (scales[g * kPanelRows + row] * scale);
          if (kMinimum) sum[row] -= minimums[g * kPanelRows + row] * total;
        }
      }
    }
    codes += kStripCodes;
    scales += kGroups * kPanelRows;
    minimums += kGroups * kPanelRows;
  }
}

template <int kGroups, bool kMinimum>
inline Micro micro_of(int rows) {
  static constexpr Micro kRows[] = {micro<1, kGroups, kMinimum>, micro<2, kGroups, kMinimum>,
                                    micro<3, kGroups, kMinimum>, micro<4, kGroups, kMinimum>};
  return kRows[rows - 1];
}

inline Micro find_micro(const PackedFormat& format, int rows, int) {
  if (format.group == 16) {
    return format.minimum ? micro_of<2, true>(rows) : micro_of<2, false>(rows);
  }
  return format.minimum ? micro_of<1, true>(rows) : micro_of<1, false>(rows);
}

}  // namespace
}  // namespace holdfast::cpu
