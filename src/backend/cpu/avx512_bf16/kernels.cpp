// AVX-512 with BF16: the AVX-512 kernels, but for bf16 weights, whose products with activations
// rounded to bf16 are made two at a time by VDPBF16PS. Activations are rounded once per row.
#include "backend/cpu/kernels.h"

#include "backend/cpu/avx512/vec.h"
#include "backend/cpu/shared/float_tile.inl"

namespace holdfast::cpu {
namespace {

struct PairProduct {
  using W = __m512bh;
  using X = __m512bh;
  static constexpr int kVecs = 1;
  static constexpr int64_t kColumns = 32, kChunk = 2048, kBytes = 64;
  static __m512bh load(const unsigned char* p, int) { return (__m512bh)_mm512_loadu_si512(p); }
  static __m512bh load_x(const unsigned char* p) { return (__m512bh)_mm512_load_si512(p); }
  static Vec add(Vec sum, __m512bh weight, __m512bh x) { return _mm512_dpbf16_ps(sum, weight, x); }
};

void copy_rows(const FloatWork& work, int64_t row, int64_t count, int64_t begin, int64_t end,
               unsigned char* to) {
  for (int64_t r = 0; r < count; ++r, to += kFloatChunk * 4) {
    const auto bytes = static_cast<std::size_t>(end - begin) * 2;
    if (bytes % 64 != 0) std::memset(to + bytes / 64 * 64, 0, 64);
    std::memcpy(to, work.weights + (row + r) * work.row_bytes + begin * 2, bytes);
  }
}

void bf16_panels(const FloatWork& work) {
  if (work.format != FloatFormat::kBF16) return avx512_kernels()->float_panels(work);
  dot_panels<PairProduct, PairProduct>(work, 2, nullptr, copy_rows);
}

void bf16_rows(const float* x, int64_t x_stride, int64_t columns, const FloatRows& to,
               int32_t block, int64_t begin, int64_t end) {
  if (to.format != FloatFormat::kBF16) {
    return avx512_kernels()->float_rows(x, x_stride, columns, to, block, begin, end);
  }
  const int64_t first = to.first_row(block), rows = to.first_row(block + 1) - first;
  unsigned char* out = to.data + to.bytes(to.columns, first) + to.bytes(begin, rows);
  for (int64_t k = begin; k < end; k += 32) {
    for (int64_t r = 0; r < rows; ++r, out += 64) {
      const auto part = [&](int64_t from) {
        const int64_t n = columns - from;
        return n >= 16 ? vload(x + r * x_stride + from)
                       : vload_n(x + r * x_stride + from, n > 0 ? static_cast<int>(n) : 0);
      };
      _mm512_store_si512(out, (__m512i)_mm512_cvtne2ps_pbh(part(k + 16), part(k)));
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
