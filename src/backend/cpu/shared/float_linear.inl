// acc = x W^T for weights of floats (f32, f16, bf16, f8 with block scales) and activations of
// float32. Written once for every instruction set: included after that set's vec.h.
//
// The weights stay as they lie in the file: lanes run along K. For each output, columns are summed
// in chunks of kFloatChunk: lane l of a vector takes every kLanes-th column by fused multiply-adds
// in order, the lanes are added up by vsum, and the chunks one after the other. So a row's result
// depends on K alone.
//
// Register tile: 4 weight rows x kDotRows activation rows: their sums, the activations, one weight.
// With more activation rows than a few tiles have, a panel's chunk of weights is first turned into
// floats: 32 x 1024 x 4 bytes = 128 KiB in L2, read by every tile; the tile's activations (24 KiB)
// stay in L1. Few rows: bytes bound (2 K bytes a bf16 row); many: 2 flops per weight and row, FMA
// bound.
#pragma once

#include "backend/cpu/kernels.h"

namespace holdfast::cpu {
namespace {

constexpr int64_t kFloatChunk = 1024;
constexpr int kDotWeights = 4;

// Weight vectors by format. `at`: column. A tail (n < kLanes) is read from a copy padded with
// zeros.
template <FloatFormat kFormat>
struct FloatRow {
  const unsigned char* bytes;
  const float* scales;  // of this row, one for scale_block columns; f8 only
  int64_t scale_block;

  static constexpr int kSize = kFormat == FloatFormat::kF32  ? 4
                               : kFormat == FloatFormat::kF8 ? 1
                                                             : 2;

  static Vec convert(const unsigned char* p) {
    if constexpr (kFormat == FloatFormat::kF32) return vload(reinterpret_cast<const float*>(p));
    if constexpr (kFormat == FloatFormat::kF16) {
      return vload_f16(reinterpret_cast<const uint16_t*>(p));
    }
    if constexpr (kFormat == FloatFormat::kBF16) {
      return vload_bf16(reinterpret_cast<const uint16_t*>(p));
    }
    if constexpr (kFormat == FloatFormat::kF8) return vload_f8(p);
  }
  Vec scaled(Vec v, int64_t at) const {
    if constexpr (kFormat == FloatFormat::kF8) {
      return scales == nullptr ? v : vmul(v, vset(scales[at / scale_block]));
    }
    return v;
  }
  Vec load(int64_t at) const { return scaled(convert(bytes + at * kSize), at); }
  Vec load_n(int64_t at, int n) const {
    unsigned char padded[64] = {};
    std::memcpy(padded, bytes + at * kSize, static_cast<std::size_t>(n * kSize));
    return scaled(convert(padded), at);
  }
};

template <FloatFormat kFormat>
inline FloatRow<kFormat> float_row(const FloatPanel& p, int row) {
  const float* scales = nullptr;
  if (kFormat == FloatFormat::kF8 && p.scales != nullptr) {
    scales = p.scales + (p.first_row + row) / p.scale_block * p.scale_stride;
  }
  return {p.weights + row * p.row_bytes, scales, p.scale_block};
}

// acc[r][w] (+)= rows[w] . x[r] over the columns [begin, end). kAhead: fetches the W rows after
// these on the way, since memory would idle at the beginning of each row.
template <class Row, int W, int R, bool kAhead>
inline void dot_tile(const Row* rows, int64_t ahead, const float* x, int64_t x_stride,
                     int64_t begin, int64_t end, bool first, float* acc) {
  Vec sum[R][W];
  for (int r = 0; r < R; ++r)
    for (int w = 0; w < W; ++w) sum[r][w] = vzero();
  int64_t k = begin;
  for (; k + kLanes <= end; k += kLanes) {
    Vec value[R];
    for (int r = 0; r < R; ++r) value[r] = vload(x + r * x_stride + k);
    for (int w = 0; w < W; ++w) {
      const Vec weight = rows[w].load(k);
      if constexpr (kAhead) vprefetch(rows[w].bytes + ahead + k * Row::kSize);
      for (int r = 0; r < R; ++r) sum[r][w] = vfma(weight, value[r], sum[r][w]);
    }
  }
  if (k < end) {
    const int n = static_cast<int>(end - k);
    Vec weight[W];
    for (int w = 0; w < W; ++w) weight[w] = rows[w].load_n(k, n);
    for (int r = 0; r < R; ++r) {
      const Vec value = vload_n(x + r * x_stride + k, n);
      for (int w = 0; w < W; ++w) sum[r][w] = vfma(weight[w], value, sum[r][w]);
    }
  }
  for (int r = 0; r < R; ++r) {
    float* to = acc + r * kFloatPanelRows;
    if constexpr (W == 4) {
      vstore_sums4(sum[r], !first, to);
    } else {
      static_assert(W == 1);
      *to = first ? vsum(sum[r][0]) : *to + vsum(sum[r][0]);
    }
  }
}

// `count` weight rows (4 or 1) with R activation rows.
template <class Row, int R, bool kAhead>
inline void dot_group(const Row* rows, int count, int64_t ahead, const float* x, int64_t x_stride,
                      int64_t begin, int64_t end, bool first, float* acc) {
  if (count == kDotWeights) {
    dot_tile<Row, kDotWeights, R, kAhead>(rows, ahead, x, x_stride, begin, end, first, acc);
  } else {
    dot_tile<Row, 1, R, kAhead>(rows, ahead, x, x_stride, begin, end, first, acc);
  }
}

// The same with n activation rows, 1 to R.
template <class Row, int R, bool kAhead>
inline void dot_group_of(int n, const Row* rows, int count, int64_t ahead, const float* x,
                         int64_t x_stride, int64_t begin, int64_t end, bool first, float* acc) {
  if constexpr (R > 1) {
    if (n < R) {
      return dot_group_of<Row, R - 1, kAhead>(n, rows, count, ahead, x, x_stride, begin, end, first,
                                              acc);
    }
  }
  dot_group<Row, R, kAhead>(rows, count, ahead, x, x_stride, begin, end, first, acc);
}

// Weight rows taken together from `row` on.
inline int group_at(const FloatPanel& p, int row) {
  return p.weight_rows - row >= kDotWeights ? kDotWeights : 1;
}

// Few activation rows: weights as they lie, each group of them read once for all blocks of rows.
template <class Row>
inline void few_activations(const Row* rows, const FloatPanel& p) {
  const int64_t blocks = (p.rows + kDotRows - 1) / kDotRows;
  for (int w = 0; w < p.weight_rows; w += group_at(p, w)) {
    const int count = group_at(p, w);
    for (int64_t begin = 0; begin < p.cols; begin += kFloatChunk) {
      const int64_t end = begin + kFloatChunk < p.cols ? begin + kFloatChunk : p.cols;
      for (int64_t block = 0; block < blocks; ++block) {
        const int64_t r = block * p.rows / blocks, n = (block + 1) * p.rows / blocks - r;
        const float* x = p.x + r * p.x_stride;
        float* acc = p.acc + r * kFloatPanelRows + w;
        if (block == 0) {
          dot_group_of<Row, kDotRows, true>(static_cast<int>(n), rows + w, count,
                                            count * p.row_bytes, x, p.x_stride, begin, end,
                                            begin == 0, acc);
        } else {
          dot_group_of<Row, kDotRows, false>(static_cast<int>(n), rows + w, count, 0, x, p.x_stride,
                                             begin, end, begin == 0, acc);
        }
      }
    }
  }
}

// Many: a chunk of the panel's weights becomes floats, which every block of rows then reads.
template <class Row>
inline void many_activations(const Row* rows, const FloatPanel& p) {
  using Plain = FloatRow<FloatFormat::kF32>;
  for (int64_t begin = 0; begin < p.cols; begin += kFloatChunk) {
    const int64_t end = begin + kFloatChunk < p.cols ? begin + kFloatChunk : p.cols;
    Plain plain[kFloatPanelRows];
    for (int w = 0; w < p.weight_rows; ++w) {
      float* to = p.scratch + w * kFloatChunk;
      plain[w] = {reinterpret_cast<const unsigned char*>(to), nullptr, 0};
      int64_t k = begin;
      for (; k + kLanes <= end; k += kLanes, to += kLanes) vstore(to, rows[w].load(k));
      if (k < end) {
        const int n = static_cast<int>(end - k);
        vstore_n(to, rows[w].load_n(k, n), n);
      }
    }
    for (int64_t r = 0; r < p.rows; r += kDotRows) {
      const int n = static_cast<int>(p.rows - r < kDotRows ? p.rows - r : kDotRows);
      for (int w = 0; w < p.weight_rows; w += group_at(p, w)) {
        dot_group_of<Plain, kDotRows, false>(
            n, plain + w, group_at(p, w), 0, p.x + r * p.x_stride + begin, p.x_stride, 0,
            end - begin, begin == 0, p.acc + r * kFloatPanelRows + w);
      }
    }
  }
}

template <FloatFormat kFormat>
inline void float_panel_of(const FloatPanel& p) {
  FloatRow<kFormat> rows[kFloatPanelRows];
  for (int w = 0; w < p.weight_rows; ++w) rows[w] = float_row<kFormat>(p, w);
  if (p.rows <= 4 * kDotRows) {
    few_activations(rows, p);
  } else {
    many_activations(rows, p);
  }
}

void float_panel(const FloatPanel& p) {
  switch (p.format) {
    case FloatFormat::kF32:
      return float_panel_of<FloatFormat::kF32>(p);
    case FloatFormat::kF16:
      return float_panel_of<FloatFormat::kF16>(p);
    case FloatFormat::kBF16:
      return float_panel_of<FloatFormat::kBF16>(p);
    case FloatFormat::kF8:
      return float_panel_of<FloatFormat::kF8>(p);
  }
}

}  // namespace
}  // namespace holdfast::cpu
