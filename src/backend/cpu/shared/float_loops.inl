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

// Sums of up to kFloatChunk columns of a panel, for one block's rows, to acc[rows][32] (or added).
// Weights `ahead` bytes further on are fetched into the cache.
using FloatMicro = void (*)(const unsigned char* weights, const unsigned char* x, int64_t columns,
                            float* acc, bool first, int64_t ahead);

constexpr int64_t kPrefetchBytes = 8192;
constexpr int64_t kFloatSuperRows = 128;
constexpr int64_t kFloatFewBlocks = 2;  // passes over a chunk that L1 still holds

// `words` words of 32 rows, row_bytes apart, `bytes` of them there: [word][32]. Rows from `count`
// on are zero.
inline void pack_float_words(const unsigned char* rows, int64_t row_bytes, int64_t count,
                             int64_t bytes, unsigned char* to) {
  for (int64_t at = 0; at < bytes; at += 4 * kLanes) {
    const int64_t here = bytes - at < 4 * kLanes ? bytes - at : 4 * kLanes;
    for (int64_t row = 0; row < kFloatPanelRows; row += kLanes) {
      Vec v[kLanes];
      for (int64_t i = 0; i < kLanes; ++i) {
        const unsigned char* from = rows + (row + i) * row_bytes + at;
        if (row + i >= count) {
          v[i] = vzero();
        } else if (here == 4 * kLanes) {
          v[i] = vload(reinterpret_cast<const float*>(from));
        } else {
          float padded[kLanes] = {};
          std::memcpy(padded, from, static_cast<std::size_t>(here));
          v[i] = vload(padded);
        }
      }
      vtranspose(v);
      auto* out = reinterpret_cast<float*>(to + at * kFloatPanelRows) + row;
      for (int64_t i = 0; i < (here + 3) / 4; ++i) vstore(out + i * kFloatPanelRows, v[i]);
    }
  }
}

// Find: FloatMicro(format, rows). Widen: (work, panel's first weight row, words, begin, end,
// float* to), columns of formats that are turned into float32 first: f8 always, f16 when many rows
// share the effort.
template <class Find, class Widen>
struct FloatLoops {
  const FloatWork& work;
  const FloatRows& x;
  const Widen& widen;
  int64_t row0, rows, larger;  // rows of a block: `larger`, or one less
  int64_t columns;             // whole words
  bool widened;
  FloatMicro micros[2];  // [one less]

  FloatLoops(const FloatWork& w, const Find& find, const Widen& widen_columns)
      : work(w), x(*w.x), widen(widen_columns) {
    columns = words_of(work.format, work.columns) * columns_of_word(work.format);
    row0 = x.first_row(work.first_block);
    rows = x.first_row(work.last_block) - row0;
    larger = x.first_row(work.first_block + 1) - row0;
    const bool many = work.last_block - work.first_block > kFloatFewBlocks;
    widened = work.format == FloatFormat::kF8 || (many && !x.bf16);
    const FloatFormat format = widened ? FloatFormat::kF32 : work.format;
    micros[0] = find(format, larger);
    micros[1] = find(format, larger > 1 ? larger - 1 : larger);
  }

  // The words of columns [column, last) of a panel, brought together first where they lie in rows.
  const unsigned char* words(int64_t panel, int64_t column, int64_t last) const {
    const int64_t begin = column / columns_of_word(work.format) * 4;
    if (work.panels != nullptr) {
      return work.panels + panel * float_panel_bytes(work.format, work.columns) +
             begin * kFloatPanelRows;
    }
    const int64_t row = panel * kFloatPanelRows;
    const int64_t end =
        last < work.columns ? last / columns_of_word(work.format) * 4 : work.row_bytes;
    pack_float_words(work.rows + row * work.row_bytes + begin, work.row_bytes,
                     work.weight_rows - row, end - begin, work.scratch);
    return work.scratch;
  }

  // Blocks [begin, end) with columns from `column` on of one panel.
  void multiply(int64_t panel, int64_t column, int64_t begin, int64_t end, bool stream) const {
    const int64_t last = column + kFloatChunk < columns ? column + kFloatChunk : columns;
    const unsigned char* weights = words(panel, column, last);
    if (widened && work.format != FloatFormat::kF32) {
      auto* to = reinterpret_cast<float*>(work.scratch + kFloatScratch / 2);
      widen(work, panel * kFloatPanelRows, weights, column, last, to);
      weights = reinterpret_cast<const unsigned char*>(to);
    }
    const bool in_place = work.panels != nullptr && !widened;
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = x.first_row(block), m = x.first_row(block + 1) - first;
      const unsigned char* data =
          x.data + 4 * x.words() * first + (x.bf16 ? column / 2 : column) * m * 4;
      micros[m == larger ? 0 : 1](
          weights, data, last - column, work.acc + (panel * rows + first - row0) * kFloatPanelRows,
          column == 0, stream && block == begin && in_place ? kPrefetchBytes : 0);
    }
  }

  void run() const {
    const int64_t panels = (work.weight_rows + kFloatPanelRows - 1) / kFloatPanelRows;
    if (work.last_block - work.first_block <= kFloatFewBlocks) {
      for (int64_t panel = 0; panel < panels; ++panel) {
        for (int64_t column = 0; column < columns; column += kFloatChunk) {
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
      for (int64_t column = 0; column < columns; column += kFloatChunk) {
        for (int64_t panel = 0; panel < panels; ++panel) {
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
