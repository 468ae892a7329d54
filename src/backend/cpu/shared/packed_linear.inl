// acc = x W^T for packed weights and quantized activations: the loops around an instruction set's
// int8 kernel (its int8.h, included before), which provides
//
//   kSingleBlockRows, kBlockRows, kSignedBytes   as in Kernels
//   quantize_strip(x, codes, sums)               32 floats to int8, their scale returned
//   unpack_tile(...)                             packed codes and scales of one panel to a Tile
//   find_micro(format, rows, panels)             the register kernel
//
// For each output, groups of columns are taken in order: the group's integer dot product is exact,
// its product with the two scales is added to the output's float sum by one fused multiply-add (and
// a second one for minimums). So a row's result does not depend on how rows and panels are blocked.
//
// Blocking: a tile of two panels x kManyColumns columns is unpacked once, to L1 (32 KiB of codes,
// 4 to 8 KiB of scales), and used for all row blocks of about kSuperRows rows (their activations,
// 140 KiB, stay in L2); few rows take smaller tiles, so that unpacking and use overlap. Sums
// between column blocks rest in acc: a store and a load for 1024 columns.
#pragma once

#include "backend/cpu/kernels.h"

namespace holdfast::cpu {
namespace {

constexpr int64_t kManyColumns = 1024, kFewColumns = 768;
constexpr int64_t kSuperRows = 128;

void quantize_block(const float* x, int64_t x_stride, const QuantizedRows& to, int32_t block,
                    int64_t begin, int64_t end) {
  const int64_t first = first_row(to, block), rows = first_row(to, block + 1) - first;
  const int64_t strips = to.columns / kStripColumns;
  const int64_t strip_bytes = quantized_strip_bytes(to, rows);
  unsigned char* out =
      to.data + first * strips * quantized_strip_bytes(to, 1) + begin * strip_bytes;
  for (int64_t strip = begin; strip < end; ++strip, out += strip_bytes) {
    for (int64_t r = 0; r < rows; ++r) {
      alignas(32) int8_t codes[kStripColumns];
      int32_t sums[2];
      const float scale = quantize_strip(x + r * x_stride + strip * kStripColumns, codes, sums);
      std::memcpy(out + 4 * r, &scale, 4);
      if (to.aux == 1) sums[0] += sums[1];
      for (int32_t i = 0; i < to.aux; ++i) {
        unsigned char* aux = out + 4 * (rows * (1 + i) + r);
        if (to.minimum) {
          const float value = scale * static_cast<float>(sums[i]);
          std::memcpy(aux, &value, 4);
        } else {
          const int32_t value = -to.offset * sums[i];
          std::memcpy(aux, &value, 4);
        }
      }
      unsigned char* words = out + 4 * (rows * (1 + to.aux) + r);
      for (int step = 0; step < 8; ++step)
        std::memcpy(words + step * 4 * rows, codes + 4 * step, 4);
    }
  }
}

inline int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }

// The kernels for a work item's two block sizes, and where things lie.
struct PackedLoops {
  const PackedWork& work;
  const QuantizedRows& x;
  int64_t row0, rows, strips;
  int64_t larger;      // rows of a block: this, or one less
  int panels;          // at once
  Micro micros[2][2];  // [one less][one panel less]

  explicit PackedLoops(const PackedWork& w) : work(w), x(*w.x) {
    row0 = first_row(x, work.first_block);
    rows = first_row(x, work.last_block) - row0;
    strips = work.columns / kStripColumns;
    larger = first_row(x, work.first_block + 1) - row0;
    panels = panels_for(larger);
    for (int less = 0; less < 2; ++less) {
      const int m = static_cast<int>(larger > less ? larger - less : larger);
      micros[less][0] = find_micro(*work.format, m, panels);
      micros[less][1] = find_micro(*work.format, m, 1);
    }
  }

  const unsigned char* codes(int64_t panel, int64_t column) const {
    return work.panels + panel * work.panel_bytes + work.scale_bytes +
           column / kStripColumns * work.format->strip_bytes;
  }
  const unsigned char* scales(int64_t panel, int64_t column) const {
    return work.panels + panel * work.panel_bytes +
           column / work.format->block * work.format->scale_bytes;
  }
  // Fetches the scales of the tile that comes next (nothing past the end), and says what codes to
  // fetch while this one is used.
  Ahead fetch(int64_t panel, int64_t column, int64_t columns) const {
    Ahead ahead{};
    if (panel >= work.panel_count || column >= work.columns) return ahead;
    const PackedFormat& format = *work.format;
    ahead.bytes = format.strip_bytes;
    for (int i = 0; i < panels; ++i) {
      const int64_t p = at_most(panel + i, work.panel_count - 1);
      ahead.codes[i] = codes(p, column);
      const int64_t bytes = columns / format.block * format.scale_bytes;
      for (int64_t at = 0; at < bytes; at += 64) vprefetch(scales(p, column) + at);
    }
    return ahead;
  }
  void unpack(int64_t panel, int n, int64_t column, int64_t columns, Tile* tiles) const {
    const PackedFormat& format = *work.format;
    for (int i = 0; i < n; ++i) {
      const unsigned char* scales =
          work.panels + (panel + i) * work.panel_bytes + column / format.block * format.scale_bytes;
      tiles[i] = unpack_tile(format, scales, codes(panel + i, column), static_cast<int>(columns),
                             work.scratch + i * (kPackedScratch / 2));
    }
  }
  void multiply(const Tile* tiles, int64_t panel, int n, int64_t block, int64_t column,
                int64_t columns, const Ahead& ahead) const {
    const int64_t first = first_row(x, block), m = first_row(x, block + 1) - first;
    const unsigned char* data = x.data + first * strips * quantized_strip_bytes(x, 1) +
                                column / kStripColumns * quantized_strip_bytes(x, m);
    float* acc[2];
    for (int i = 0; i < n; ++i)
      acc[i] = work.acc + ((panel + i) * rows + first - row0) * kPanelRows;
    micros[m == larger ? 0 : 1][n == panels ? 0 : 1](
        tiles, data, static_cast<int>(columns / kStripColumns), acc, column == 0, ahead);
  }
};

// One block of rows: panels one after the other as they lie in memory.
void few_rows(const PackedLoops& loops) {
  const PackedWork& work = loops.work;
  Tile tiles[2];
  for (int64_t panel = 0; panel < work.panel_count; panel += loops.panels) {
    const int n = static_cast<int>(at_most(loops.panels, work.panel_count - panel));
    for (int64_t column = 0; column < work.columns; column += kFewColumns) {
      const int64_t columns = at_most(kFewColumns, work.columns - column);
      const bool more = column + columns < work.columns;
      const Ahead ahead = more ? loops.fetch(panel, column + columns, kFewColumns)
                               : loops.fetch(panel + loops.panels, 0, kFewColumns);
      loops.unpack(panel, n, column, columns, tiles);
      loops.multiply(tiles, panel, n, work.first_block, column, columns, ahead);
    }
  }
}

// Blocks of about kSuperRows rows together: their activations stay in L2 while all panels pass.
void many_rows(const PackedLoops& loops) {
  const PackedWork& work = loops.work;
  Tile tiles[2];
  for (int64_t super = work.first_block; super < work.last_block;) {
    int64_t super_end = super + 1;
    while (super_end < work.last_block &&
           first_row(loops.x, super_end + 1) - first_row(loops.x, super) <= kSuperRows) {
      ++super_end;
    }
    for (int64_t column = 0; column < work.columns; column += kManyColumns) {
      const int64_t columns = at_most(kManyColumns, work.columns - column);
      for (int64_t panel = 0; panel < work.panel_count; panel += loops.panels) {
        const int n = static_cast<int>(at_most(loops.panels, work.panel_count - panel));
        const bool more = panel + loops.panels < work.panel_count;
        const Ahead ahead = more ? loops.fetch(panel + loops.panels, column, kManyColumns)
                                 : loops.fetch(0, column + columns, kManyColumns);
        loops.unpack(panel, n, column, columns, tiles);
        for (int64_t block = super; block < super_end; ++block) {
          loops.multiply(tiles, panel, n, block, column, columns, block == super ? ahead : Ahead{});
        }
      }
    }
    super = super_end;
  }
}

void packed_panels(const PackedWork& work) {
  const PackedLoops loops(work);
  if (work.last_block - work.first_block == 1) {
    few_rows(loops);
  } else {
    many_rows(loops);
  }
}

}  // namespace
}  // namespace holdfast::cpu
