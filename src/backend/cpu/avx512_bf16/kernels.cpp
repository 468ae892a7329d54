// AVX-512 with BF16: the AVX-512 kernels, but for bf16 weights, whose products with activations
// rounded to bf16 are made two at a time by VDPBF16PS.
//
// For each output, chunks of kFloatChunk columns are summed up by one such instruction for a pair
// of columns, in order, and the chunks one after the other. Activations are rounded once per row.
//
// Register tile: 2 vectors of weight rows x up to 12 activation rows: 24 sums, 2 pairs of weights,
// 1 pair of activations of 32 registers. A pair of columns takes 2 + 12 loads for 24 products:
// bound by these with many rows, by memory (2 K bytes a row) with few.
#include "backend/cpu/kernels.h"

#include <array>
#include <utility>

#include "backend/cpu/avx512/vec.h"
#include "backend/cpu/shared/float_loops.inl"

namespace holdfast::cpu {
namespace {

// The instruction reads its operands as 32 bf16 values.
inline __m512bh pairs(__m512i v) { return (__m512bh)v; }

template <int kRows>
void bf16_micro(const unsigned char* weights, const unsigned char* x, int64_t columns, float* acc,
                bool first, int64_t ahead) {
  __m512 sum[kRows][2];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) sum[r][0] = sum[r][1] = _mm512_setzero_ps();
  for (int64_t k = 0; k < columns; k += 2, weights += 128, x += 4 * kRows) {
    vprefetch(weights + ahead);
    vprefetch(weights + ahead + 64);
    const __m512i low = _mm512_loadu_si512(weights), high = _mm512_loadu_si512(weights + 64);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      int word;
      std::memcpy(&word, x + 4 * r, 4);
      const __m512bh activations = pairs(_mm512_set1_epi32(word));
      sum[r][0] = _mm512_dpbf16_ps(sum[r][0], pairs(low), activations);
      sum[r][1] = _mm512_dpbf16_ps(sum[r][1], pairs(high), activations);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < 2; ++v) {
      float* const to = acc + r * kFloatPanelRows + v * 16;
      _mm512_storeu_ps(to, first ? sum[r][v] : _mm512_add_ps(_mm512_loadu_ps(to), sum[r][v]));
    }
  }
}

template <int... kRows>
constexpr std::array<FloatMicro, sizeof...(kRows)> bf16_micros(
    std::integer_sequence<int, kRows...>) {
  return {bf16_micro<kRows + 1>...};
}

FloatMicro find_bf16_micro(FloatFormat, int64_t rows) {
  constexpr auto kMicros = bf16_micros(std::make_integer_sequence<int, kFloatRows>{});
  return kMicros[static_cast<std::size_t>(rows - 1)];
}

void bf16_panels(const FloatWork& work) {
  if (work.format != FloatFormat::kBF16) return avx512_kernels()->float_panels(work);
  run_float_work(work, find_bf16_micro, [](const FloatWork&, auto...) {});
}

void bf16_rows(const float* x, int64_t x_stride, int64_t columns, const FloatRows& to,
               int32_t block, int64_t begin, int64_t end) {
  if (!to.bf16) {
    return avx512_kernels()->float_rows(x, x_stride, columns, to, block, begin, end);
  }
  const int64_t first = to.first_row(block), rows = to.first_row(block + 1) - first;
  unsigned char* const out = to.data + 4 * to.words() * first;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t k = begin; k < end; k += 32) {
      const auto part = [&](int64_t from) {
        const int64_t n = columns - from;
        return n >= 16 ? vload(x + r * x_stride + from)
                       : vload_n(x + r * x_stride + from, n > 0 ? static_cast<int>(n) : 0);
      };
      alignas(64) uint32_t words[16];
      _mm512_store_si512(words, (__m512i)_mm512_cvtne2ps_pbh(part(k + 16), part(k)));
      const int64_t count = end - k < 32 ? (end - k) / 2 : 16;
      for (int64_t i = 0; i < count; ++i) {
        std::memcpy(out + ((k / 2 + i) * rows + r) * 4, &words[i], 4);
      }
    }
  }
}

}  // namespace

const Kernels* avx512_bf16_kernels() {
  static const Kernels table = [] {
    Kernels kernels = *avx512_kernels();
    kernels.isa = "avx512_bf16";
    kernels.bf16_products = true;
    kernels.float_rows = bf16_rows;
    kernels.float_panels = bf16_panels;
    return kernels;
  }();
  return &table;
}

}  // namespace holdfast::cpu
