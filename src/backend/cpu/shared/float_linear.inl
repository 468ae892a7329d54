// acc = x W^T for weights of floats (f32, f16, bf16, f8 with block scales) and activations of
// float32. Written once for every instruction set: included after that set's vec.h.
//
// The weights stay as they lie in the file: lanes run along K. For each output, columns are summed
// in chunks of kFloatChunk: lane l of a vector takes every kLanes-th column by fused multiply-adds
// in order, the lanes are added up by vsum, and the chunks one after the other. So a row's result
// depends on K alone.
//
// Register tile: 4 weight rows x kDotRows activation rows, each load used 4 or kDotRows times. With
// more activation rows than one tile has, a panel's chunk of weights is first turned into floats:
// 32 x 1024 x 4 bytes = 128 KiB in L2, read by every tile; the tile's activations (24 KiB) stay in
// L1. Few rows: bytes bound (2 K bytes a bf16 row); many: 2 flops per weight and row, FMA bound.
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

// sums[w * R + r] (+)= rows[w] . x[r] over the columns [begin, end).
template <class Row, int W, int R>
inline void dot_tile(const Row* rows, const float* x, int64_t x_stride, int64_t begin, int64_t end,
                     bool first, float* acc, int64_t acc_stride) {
  Vec sum[W][R];
  for (int w = 0; w < W; ++w)
    for (int r = 0; r < R; ++r) sum[w][r] = vzero();
  int64_t k = begin;
  for (; k + kLanes <= end; k += kLanes) {
    Vec weight[W];
    for (int w = 0; w < W; ++w) weight[w] = rows[w].load(k);
    for (int r = 0; r < R; ++r) {
      const Vec value = vload(x + r * x_stride + k);
      for (int w = 0; w < W; ++w) sum[w][r] = vfma(weight[w], value, sum[w][r]);
    }
  }
  if (k < end) {
    const int n = static_cast<int>(end - k);
    Vec weight[W];
    for (int w = 0; w < W; ++w) weight[w] = rows[w].load_n(k, n);
    for (int r = 0; r < R; ++r) {
      const Vec value = vload_n(x + r * x_stride + k, n);
      for (int w = 0; w < W; ++w) sum[w][r] = vfma(weight[w], value, sum[w][r]);
    }
  }
  for (int r = 0; r < R; ++r) {
    for (int w = 0; w < W; ++w) {
      float* to = acc + r * acc_stride + w;
      *to = first ? vsum(sum[w][r]) : *to + vsum(sum[w][r]);
    }
  }
}

template <class Row, int R>
inline void dot_rows(const Row* rows, int count, const float* x, int64_t x_stride, int64_t begin,
                     int64_t end, bool first, float* acc, int64_t acc_stride) {
  int w = 0;
  for (; w + kDotWeights <= count; w += kDotWeights)
    dot_tile<Row, kDotWeights, R>(rows + w, x, x_stride, begin, end, first, acc + w, acc_stride);
  for (; w < count; ++w)
    dot_tile<Row, 1, R>(rows + w, x, x_stride, begin, end, first, acc + w, acc_stride);
}

template <class Row, int R>
inline void dot_rest(const Row* rows, int count, const float* x, int64_t x_stride, int rest,
                     int64_t begin, int64_t end, bool first, float* acc, int64_t acc_stride) {
  if constexpr (R > 0) {
    if (rest == R) {
      dot_rows<Row, R>(rows, count, x, x_stride, begin, end, first, acc, acc_stride);
    } else {
      dot_rest<Row, R - 1>(rows, count, x, x_stride, rest, begin, end, first, acc, acc_stride);
    }
  }
}

// All activation rows over one chunk of columns.
template <class Row>
inline void dot_chunk(const Row* rows, const FloatPanel& p, int64_t x_offset, int64_t begin,
                      int64_t end, bool first) {
  int64_t r = 0;
  for (; r + kDotRows <= p.rows; r += kDotRows)
    dot_rows<Row, kDotRows>(rows, p.weight_rows, p.x + r * p.x_stride + x_offset, p.x_stride, begin,
                            end, first, p.acc + r * kFloatPanelRows, kFloatPanelRows);
  dot_rest<Row, kDotRows - 1>(rows, p.weight_rows, p.x + r * p.x_stride + x_offset, p.x_stride,
                              static_cast<int>(p.rows - r), begin, end, first,
                              p.acc + r * kFloatPanelRows, kFloatPanelRows);
}

template <FloatFormat kFormat>
inline void float_panel_of(const FloatPanel& p) {
  using Row = FloatRow<kFormat>;
  using Plain = FloatRow<FloatFormat::kF32>;
  Row rows[kFloatPanelRows];
  for (int w = 0; w < p.weight_rows; ++w) rows[w] = float_row<kFormat>(p, w);
  const bool convert = kFormat != FloatFormat::kF32 && p.rows > kDotRows;
  for (int64_t begin = 0; begin < p.cols; begin += kFloatChunk) {
    const int64_t end = begin + kFloatChunk < p.cols ? begin + kFloatChunk : p.cols;
    if (!convert) {
      dot_chunk(rows, p, 0, begin, end, begin == 0);
      continue;
    }
    Plain plain[kFloatPanelRows];
    for (int w = 0; w < p.weight_rows; ++w) {
      float* to = p.scratch + w * kFloatChunk;
      plain[w] = {reinterpret_cast<const unsigned char*>(to), nullptr, 0};
      int64_t k = begin;
      for (; k + kLanes <= end; k += kLanes, to += kLanes) vstore(to, rows[w].load(k));
      if (k < end)
        vstore_n(to, rows[w].load_n(k, static_cast<int>(end - k)), static_cast<int>(end - k));
    }
    dot_chunk(plain, p, begin, 0, end - begin, begin == 0);
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
