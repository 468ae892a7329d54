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

constexpr int64_t kManyColumns = 1024, kFewColumns = 512;
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

void packed_panels(const PackedWork& work) {
  const PackedFormat& format = *work.format;
  const QuantizedRows& x = *work.x;
  const int64_t row0 = first_row(x, work.first_block);
  const int64_t rows = first_row(x, work.last_block) - row0;
  const int64_t strips = work.columns / kStripColumns;
  const bool few = work.last_block - work.first_block == 1;
  const int64_t step = few ? kFewColumns : kManyColumns;
  // Blocks have one of two sizes.
  const int64_t larger = first_row(x, work.first_block + 1) - row0;
  const int panels_at_once = panels_for(larger);
  const Micro large_pair = find_micro(format, static_cast<int>(larger), panels_at_once);
  const Micro small_pair =
      larger > 1 ? find_micro(format, static_cast<int>(larger - 1), panels_at_once) : large_pair;
  const Micro large_one = find_micro(format, static_cast<int>(larger), 1);
  const Micro small_one =
      larger > 1 ? find_micro(format, static_cast<int>(larger - 1), 1) : large_one;

  int32_t super = work.first_block;
  while (super < work.last_block) {
    int32_t super_end = super + 1;
    while (super_end < work.last_block &&
           first_row(x, super_end + 1) - first_row(x, super) <= kSuperRows) {
      ++super_end;
    }
    for (int64_t column = 0; column < work.columns; column += step) {
      const int64_t columns = work.columns - column < step ? work.columns - column : step;
      for (int32_t panel = 0; panel < work.panel_count; panel += panels_at_once) {
        const int n = work.panel_count - panel < panels_at_once ? 1 : panels_at_once;
        Tile tiles[2];
        for (int i = 0; i < n; ++i) {
          const unsigned char* from = work.panels + (panel + i) * work.panel_bytes;
          tiles[i] =
              unpack_tile(format, from + column / format.block * format.scale_bytes,
                          from + work.scale_bytes + column / kStripColumns * format.strip_bytes,
                          static_cast<int>(columns), work.scratch + i * (kPackedScratch / 2));
        }
        for (int32_t block = super; block < super_end; ++block) {
          const int64_t first = first_row(x, block), m = first_row(x, block + 1) - first;
          const unsigned char* data = x.data + first * strips * quantized_strip_bytes(x, 1) +
                                      column / kStripColumns * quantized_strip_bytes(x, m);
          float* acc[2];
          for (int i = 0; i < n; ++i)
            acc[i] = work.acc + ((panel + i) * rows + first - row0) * kPanelRows;
          const Micro micro = n == 1 ? (m == larger ? large_one : small_one)
                                     : (m == larger ? large_pair : small_pair);
          micro(tiles, data, static_cast<int>(columns / kStripColumns), acc, column == 0);
        }
      }
    }
    super = super_end;
  }
}

}  // namespace
}  // namespace holdfast::cpu
