// acc = x W^T for panels of float weights (float_format.h) and activations of float32: the register
// kernels of an instruction set's vectors (its vec.h, included before). The loops around them stand
// in float_loops.inl.
//
// For each output, chunks of kFloatChunk columns are summed up by one fused multiply-add a column,
// in order, and the chunks one after the other. So a row's result depends on K alone.
//
// Register tile: kTileVecs vectors of weight rows x up to kFloatRows activation rows: their sums,
// the weights, one activation. A panel passes in parts of kTileVecs vectors, but in one piece for a
// single row, which is bound by memory: 2 K bytes a bf16 row, one multiply-add for each weight.
#pragma once

#include <array>
#include <utility>

#include "backend/cpu/shared/float_loops.inl"

namespace holdfast::cpu {
namespace {

constexpr int kPanelVecs = kFloatPanelRows / kLanes;
// At least 16 weight rows: an activation's broadcast is used for all of them.
constexpr int kTileVecs = kLanes == 4 ? 4 : 2;

// Column c of the words at p, as floats.
template <FloatFormat kFormat>
inline Vec word_column(const unsigned char* p, int c) {
  if constexpr (kFormat == FloatFormat::kF32) {
    return vload(reinterpret_cast<const float*>(p));
  } else if constexpr (kFormat == FloatFormat::kF16) {
    return vload_f16_of_pairs(p, c);
  } else if constexpr (kFormat == FloatFormat::kBF16) {
    return vload_bf16_of_pairs(p, c);
  } else {
    return vload_f8_of_fours(p, c);
  }
}

template <FloatFormat kFormat, int kRows>
void float_micro(const unsigned char* weights, const unsigned char* x, int64_t columns, float* acc,
                 bool first, int64_t ahead) {
  constexpr int kVecs = kRows == 1 ? kPanelVecs : kTileVecs;
  constexpr int kColumns = columns_of_word(kFormat);
  constexpr int64_t kStep = kFloatPanelRows * 4;
  for (int part = 0; part < kPanelVecs; part += kVecs) {
    Vec sum[kRows][kVecs];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r)
      for (int v = 0; v < kVecs; ++v) sum[r][v] = vzero();
    const unsigned char* at = weights + part * kLanes * 4;
    const float* value = reinterpret_cast<const float*>(x);
    for (int64_t k = 0; k < columns; k += kColumns, at += kStep) {
      if (part == 0) {
        vprefetch(at + ahead);
        vprefetch(at + ahead + 64);
      }
      for (int c = 0; c < kColumns; ++c, value += kRows) {
        Vec weight[kVecs];
#pragma GCC unroll 16
        for (int v = 0; v < kVecs; ++v) weight[v] = word_column<kFormat>(at + v * kLanes * 4, c);
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) {
          const Vec activation = vset(value[r]);
          for (int v = 0; v < kVecs; ++v) sum[r][v] = vfma(weight[v], activation, sum[r][v]);
        }
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVecs; ++v) {
        float* const to = acc + r * kFloatPanelRows + (part + v) * kLanes;
        vstore(to, first ? sum[r][v] : vadd(vload(to), sum[r][v]));
      }
    }
  }
}

template <FloatFormat kFormat, int... kRows>
constexpr std::array<FloatMicro, sizeof...(kRows)> micros_of(std::integer_sequence<int, kRows...>) {
  return {float_micro<kFormat, kRows + 1>...};
}

FloatMicro find_float_micro(FloatFormat format, int64_t rows) {
  using Rows = std::make_integer_sequence<int, kFloatRows>;
  constexpr auto kF32 = micros_of<FloatFormat::kF32>(Rows{});
  constexpr auto kF16 = micros_of<FloatFormat::kF16>(Rows{});
  constexpr auto kBF16 = micros_of<FloatFormat::kBF16>(Rows{});
  const auto i = static_cast<std::size_t>(rows - 1);
  return format == FloatFormat::kF16 ? kF16[i] : format == FloatFormat::kBF16 ? kBF16[i] : kF32[i];
}

// Scales of a panel's rows for column k.
inline void panel_scales(const FloatWork& work, int64_t row, int64_t k, float* scales) {
  for (int64_t r = 0; r < kFloatPanelRows; ++r) {
    const int64_t down = (work.first_row + row + r) / work.scale_block;
    scales[r] = row + r < work.weight_rows
                    ? work.scales[down * work.scale_stride + k / work.scale_block]
                    : 0.0f;
  }
}

// Columns [begin, end) of a panel's words as float32, [column][32 rows].
template <FloatFormat kFormat>
inline void widen_columns(const FloatWork& work, int64_t row, const unsigned char* at,
                          int64_t begin, int64_t end, float* to) {
  constexpr int kColumns = columns_of_word(kFormat);
  float scales[kFloatPanelRows];
  for (int64_t k = begin; k < end; k += kColumns, at += kFloatPanelRows * 4) {
    vprefetch(at + kPrefetchBytes);
    vprefetch(at + kPrefetchBytes + 64);
    for (int c = 0; c < kColumns; ++c) {
      const bool scaled = kFormat == FloatFormat::kF8 && work.scales != nullptr;
      if (scaled && k + c < work.columns && (k + c == begin || (k + c) % work.scale_block == 0)) {
        panel_scales(work, row, k + c, scales);
      }
      for (int v = 0; v < kPanelVecs; ++v, to += kLanes) {
        const Vec weight = word_column<kFormat>(at + v * kLanes * 4, c);
        vstore(to, scaled ? vmul(weight, vload(scales + v * kLanes)) : weight);
      }
    }
  }
}

void widen(const FloatWork& work, int64_t row, const unsigned char* words, int64_t begin,
           int64_t end, float* to) {
  switch (work.format) {
    case FloatFormat::kF16:
      return widen_columns<FloatFormat::kF16>(work, row, words, begin, end, to);
    case FloatFormat::kBF16:
      return widen_columns<FloatFormat::kBF16>(work, row, words, begin, end, to);
    default:
      return widen_columns<FloatFormat::kF8>(work, row, words, begin, end, to);
  }
}

void float_panels(const FloatWork& work) { run_float_work(work, find_float_micro, widen); }

void float_rows(const float* x, int64_t x_stride, int64_t columns, const FloatRows& to,
                int32_t block, int64_t begin, int64_t end) {
  const int64_t first = to.first_row(block), rows = to.first_row(block + 1) - first;
  float* const out = reinterpret_cast<float*>(to.data) + first * to.columns;
  for (int64_t r = 0; r < rows; ++r) {
    const float* row = x + r * x_stride;
    for (int64_t k = begin; k < end; ++k) out[k * rows + r] = k < columns ? row[k] : 0.0f;
  }
}

}  // namespace
}  // namespace holdfast::cpu
