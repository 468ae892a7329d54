// The loops around the register kernels for float weights.
//
// Blocking: a chunk of a panel (512 columns x 32 rows: 32 KiB of bf16) stays in L1 while it meets
// every block of rows. With many rows, groups of about kFloatSuperRows take turns: a chunk of their
// activations (up to 256 KiB) and the sums (32 KiB a panel) stay in L2 while all panels pass. With
// few rows a panel passes from front to back, and panel after panel, as they lie in memory: each
// weight is read once for all rows, and fetched kPrefetchBytes before its use.
#pragma once

#include "backend/cpu/kernels.h"

namespace holdfast::cpu {
namespace {

// sums of up to kFloatChunk columns of a panel, for one block's rows, to acc[rows][32] (or added).
// x: words [columns][rows]. Weights `ahead` bytes further on are fetched into the cache.
using FloatMicro = void (*)(const unsigned char* weights, const unsigned char* x, int64_t columns,
                            float* acc, bool first, int64_t ahead);

constexpr int64_t kPrefetchBytes = 8192;
constexpr int64_t kFloatSuperRows = 128;
constexpr int64_t kFloatFewBlocks = 2;  // passes over a chunk that L1 still holds

// Find: FloatMicro(format, rows). Widen: (work, panel, begin, end, float* to), columns of formats
// that are turned into float32 first: f8 always, f16 when many rows share the effort.
template <class Find, class Widen>
struct FloatLoops {
  const FloatWork& work;
  const FloatRows& x;
  const Widen& widen;
  int64_t row0, rows, larger;  // rows of a block: `larger`, or one less
  bool widened;
  FloatMicro micros[2];  // [one less]

  FloatLoops(const FloatWork& w, const Find& find, const Widen& widen_columns)
      : work(w), x(*w.x), widen(widen_columns) {
    row0 = x.first_row(work.first_block);
    rows = x.first_row(work.last_block) - row0;
    larger = x.first_row(work.first_block + 1) - row0;
    const bool many = work.last_block - work.first_block > kFloatFewBlocks;
    widened = work.format == FloatFormat::kF8 || (work.format == FloatFormat::kF16 && many);
    const FloatFormat format = widened ? FloatFormat::kF32 : work.format;
    micros[0] = find(format, larger);
    micros[1] = find(format, larger > 1 ? larger - 1 : larger);
  }

  // Blocks [begin, end) with columns from `column` on of one panel.
  void multiply(int64_t panel, int64_t column, int64_t begin, int64_t end, bool stream) const {
    const int64_t last = column + kFloatChunk < x.columns ? column + kFloatChunk : x.columns;
    const unsigned char* const from = work.panels + panel * work.panel_bytes;
    const unsigned char* weights = from + column * kFloatPanelRows * float_bytes(work.format);
    if (widened) {
      widen(work, from, column, last, work.scratch);
      weights = reinterpret_cast<const unsigned char*>(work.scratch);
    }
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = x.first_row(block), m = x.first_row(block + 1) - first;
      const unsigned char* data =
          x.data + 4 * x.words() * first + (x.bf16 ? column / 2 : column) * m * 4;
      micros[m == larger ? 0 : 1](
          weights, data, last - column, work.acc + (panel * rows + first - row0) * kFloatPanelRows,
          column == 0, stream && block == begin && !widened ? kPrefetchBytes : 0);
    }
  }

  void run() const {
    if (work.last_block - work.first_block <= kFloatFewBlocks) {
      for (int64_t panel = 0; panel < work.panel_count; ++panel) {
        for (int64_t column = 0; column < x.columns; column += kFloatChunk) {
          multiply(panel, column, work.first_block, work.last_block, true);
        }
      }
      return;
    }
    for (int64_t super = work.first_block; super < work.last_block;) {
      int64_t end = super + 1;
      while (end < work.last_block &&
             x.first_row(end + 1) - x.first_row(super) <= kFloatSuperRows) {
        ++end;
      }
      for (int64_t column = 0; column < x.columns; column += kFloatChunk) {
        for (int64_t panel = 0; panel < work.panel_count; ++panel) {
          multiply(panel, column, super, end, false);
        }
      }
      super = end;
    }
  }
};

template <class Find, class Widen>
inline void run_float_work(const FloatWork& work, const Find& find, const Widen& widen) {
  FloatLoops<Find, Widen>(work, find, widen).run();
}

}  // namespace
}  // namespace holdfast::cpu
