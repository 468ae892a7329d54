// Float weights (f32, f16, bf16, f8 with block scales) times activations of float32, in float32.
// Written once for every instruction set: included after that set's vec.h. See float_tile.inl.
#pragma once

#include "backend/cpu/shared/float_tile.inl"

namespace holdfast::cpu {
namespace {

struct PlainProduct {
  using W = Vec;
  using X = Vec;
  static constexpr int kVecs = 1;
  static constexpr int64_t kColumns = kLanes, kChunk = 1024;
  static Vec load_x(const unsigned char* p) { return vload(reinterpret_cast<const float*>(p)); }
  static Vec add(Vec sum, Vec weight, Vec x) { return vfma(weight, x, sum); }
};

struct F32Product : PlainProduct {
  static constexpr int64_t kBytes = 4 * kLanes;
  static Vec load(const unsigned char* p, int) { return vload(reinterpret_cast<const float*>(p)); }
};

struct F16Product : PlainProduct {
  static constexpr int64_t kBytes = 2 * kLanes;
  static Vec load(const unsigned char* p, int) {
    return vload_f16(reinterpret_cast<const uint16_t*>(p));
  }
};

// The even ones of two vectors of columns, then the odd ones: one shift or one mask widens each.
struct BF16Product : PlainProduct {
  static constexpr int kVecs = 2;
  static constexpr int64_t kColumns = 2 * kLanes, kBytes = 4 * kLanes;
  static Vec load(const unsigned char* p, int i) {
    const auto* pairs = reinterpret_cast<const uint16_t*>(p);
    return i == 0 ? vload_bf16_even(pairs) : vload_bf16_odd(pairs);
  }
};

// The same from floats.
struct WidenedBF16Product : F32Product {
  static constexpr int kVecs = 2;
  static constexpr int64_t kColumns = 2 * kLanes, kBytes = 8 * kLanes;
  static Vec load(const unsigned char* p, int i) {
    return vload(reinterpret_cast<const float*>(p) + i * kLanes);
  }
};

// Runs of kBytes at `at` as floats to `to`.
template <class P>
inline void widen_step(const unsigned char* at, float* to) {
  for (int i = 0; i < P::kVecs; ++i) vstore(to + i * kLanes, P::load(at, i));
}

template <class P>
void widen_rows(const FloatWork& work, int64_t row, int64_t count, int64_t begin, int64_t end,
                unsigned char* to) {
  for (int64_t r = 0; r < count; ++r) {
    const unsigned char* from =
        work.weights + (row + r) * work.row_bytes + begin * P::kBytes / P::kColumns;
    auto* out = reinterpret_cast<float*>(to) + r * kFloatChunk;
    int64_t k = begin;
    for (; k + P::kColumns <= end; k += P::kColumns, from += P::kBytes, out += P::kColumns) {
      widen_step<P>(from, out);
    }
    if (k < end) {
      unsigned char padded[P::kBytes] = {};
      std::memcpy(padded, from, static_cast<std::size_t>((end - k) * P::kBytes / P::kColumns));
      widen_step<P>(padded, out);
    }
  }
}

// scale_block columns share a scale.
void widen_f8(const FloatWork& work, int64_t row, int64_t count, int64_t begin, int64_t end,
              unsigned char* to) {
  for (int64_t r = 0; r < count; ++r) {
    const unsigned char* from = work.weights + (row + r) * work.row_bytes;
    const float* scales =
        work.scales == nullptr
            ? nullptr
            : work.scales + (work.first_row + row + r) / work.scale_block * work.scale_stride;
    auto* out = reinterpret_cast<float*>(to) + r * kFloatChunk;
    for (int64_t k = begin; k < end; k += kLanes, out += kLanes) {
      unsigned char padded[kLanes] = {};
      if (end - k < kLanes) std::memcpy(padded, from + k, static_cast<std::size_t>(end - k));
      const Vec weight = vload_f8(end - k < kLanes ? padded : from + k);
      vstore(out, scales == nullptr ? weight : vmul(weight, vset(scales[k / work.scale_block])));
    }
  }
}

void float_panels(const FloatWork& work) {
  switch (work.format) {
    case FloatFormat::kF32:
      return dot_panels<F32Product, F32Product>(work, 4, nullptr, widen_rows<F32Product>);
    case FloatFormat::kF16:
      return dot_panels<F16Product, F32Product>(work, 2, nullptr, widen_rows<F16Product>);
    case FloatFormat::kBF16:
      return dot_panels<BF16Product, WidenedBF16Product>(work, 2, nullptr, widen_rows<BF16Product>);
    case FloatFormat::kF8:
      return dot_panels<F32Product, F32Product>(work, 1, widen_f8, widen_f8);
    case FloatFormat::kNone:
      return;
  }
}

void float_rows(const float* x, int64_t x_stride, int64_t columns, const FloatRows& to,
                int32_t block, int64_t begin, int64_t end) {
  const int64_t first = to.first_row(block), rows = to.first_row(block + 1) - first;
  const int64_t step = to.format == FloatFormat::kBF16 ? 2 * kLanes : kLanes;
  auto* out =
      reinterpret_cast<float*>(to.data + to.bytes(to.columns, first) + to.bytes(begin, rows));
  for (int64_t k = begin; k < end; k += step, out += rows * step) {
    const int64_t n = columns - k < step ? (columns > k ? columns - k : 0) : step;
    for (int64_t r = 0; r < rows; ++r) {
      const float* from = x + r * x_stride + k;
      float padded[2 * kLanes] = {};
      if (n < step) {
        std::memcpy(padded, from, static_cast<std::size_t>(n) * 4);
        from = padded;
      }
      float* const to_row = out + r * kLanes;
      if (step == kLanes) {
        vstore(to_row, vload(from));
      } else {
        for (int64_t i = 0; i < kLanes; ++i) {
          to_row[i] = from[2 * i];
          to_row[rows * kLanes + i] = from[2 * i + 1];
        }
      }
    }
  }
}

}  // namespace
}  // namespace holdfast::cpu
