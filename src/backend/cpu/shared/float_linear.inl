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
constexpr int kTileVecs = kPanelVecs < 2 ? kPanelVecs : 2;

// Vector v of column k + c, c = 0 or 1, where `at` points to column k, an even number.
template <FloatFormat kFormat>
inline Vec panel_weight(const unsigned char* at, int c, int v) {
  if constexpr (kFormat == FloatFormat::kF32) {
    return vload(reinterpret_cast<const float*>(at) + c * kFloatPanelRows + v * kLanes);
  } else if constexpr (kFormat == FloatFormat::kF16) {
    return vload_f16(reinterpret_cast<const uint16_t*>(at) + c * kFloatPanelRows + v * kLanes);
  } else if constexpr (kFormat == FloatFormat::kBF16) {
    const uint16_t* pairs = reinterpret_cast<const uint16_t*>(at) + v * kLanes * 2;
    return c == 0 ? vload_bf16_even(pairs) : vload_bf16_odd(pairs);
  } else {
    return vload_f8(at + c * kFloatPanelRows + v * kLanes);
  }
}

template <FloatFormat kFormat, int kRows>
void float_micro(const unsigned char* weights, const unsigned char* x, int64_t columns, float* acc,
                 bool first, int64_t ahead) {
  constexpr int kVecs = kRows == 1 ? kPanelVecs : kTileVecs;
  constexpr int64_t kStep = 2 * kFloatPanelRows * float_bytes(kFormat);
  for (int part = 0; part < kPanelVecs; part += kVecs) {
    Vec sum[kRows][kVecs];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r)
      for (int v = 0; v < kVecs; ++v) sum[r][v] = vzero();
    const unsigned char* at = weights;
    const float* value = reinterpret_cast<const float*>(x);
    for (int64_t k = 0; k < columns; k += 2, at += kStep) {
      if (part == 0) {
        for (int64_t line = 0; line < kStep; line += 64) vprefetch(at + ahead + line);
      }
      for (int c = 0; c < 2; ++c, value += kRows) {
        Vec weight[kVecs];
        for (int v = 0; v < kVecs; ++v) weight[v] = panel_weight<kFormat>(at, c, part + v);
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

// Columns [begin, end) of a panel as float32, [column][32 rows].
template <FloatFormat kFormat>
inline void widen_columns(const unsigned char* at, const float* scales, int64_t scale_block,
                          int64_t begin, int64_t end, float* to) {
  constexpr int64_t kStep = 2 * kFloatPanelRows * float_bytes(kFormat);
  for (int64_t k = begin; k < end; k += 2, at += kStep) {
    vprefetch(at + kPrefetchBytes);
    for (int c = 0; c < 2; ++c) {
      for (int v = 0; v < kPanelVecs; ++v, to += kLanes) {
        Vec weight = panel_weight<kFormat>(at, c, v);
        if (scale_block > 0) {
          const float* scale = scales + (k + c) / scale_block * kFloatPanelRows;
          weight = vmul(weight, vload(scale + v * kLanes));
        }
        vstore(to, weight);
      }
    }
  }
}

void widen(const FloatWork& work, const unsigned char* panel, int64_t begin, int64_t end,
           float* to) {
  if (work.format == FloatFormat::kF16) {
    return widen_columns<FloatFormat::kF16>(panel + begin * kFloatPanelRows * 2, nullptr, 0, begin,
                                            end, to);
  }
  const int64_t codes = float_scale_bytes(work.columns, work.scale_block);
  widen_columns<FloatFormat::kF8>(panel + codes + begin * kFloatPanelRows,
                                  reinterpret_cast<const float*>(panel), work.scale_block, begin,
                                  end, to);
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
