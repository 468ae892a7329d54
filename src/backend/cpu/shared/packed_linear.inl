// acc = x W^T for packed weights and quantized activations: the loops around an instruction set's
// int8 kernel (its int8.h, included before), which provides
//
//   kPanels, kSignedBytes                        panels taken at once; as in Kernels
//   quantize_strip(x, codes, sums)               32 floats to int8, their scale returned
//   unpack_scales(format, from, blocks, ...)     scales and minimums of a chunk's blocks as floats
//   multiply<planes, groups, minimum, panels>    a chunk of panels times all rows of a block
//
// The weights of a strip are decoded into registers once and stay there while the rows of the block
// pass, one of them or all 128: one kernel for every number of rows, and every row goes the same
// way whoever its neighbours are. For each output, groups of columns are taken in order: the
// group's integer dot product is exact, its product with the two scales is added to the output's
// float sum by one fused multiply-add (and a second one for minimums).
//
// Caches, for a block of 128 rows: the sums of two panels (16 KiB) and a strip of activations (5
// KiB) stay in L1, the activations of a column block (160 KiB) in L2, while all panels pass. With
// few rows the weights are read once, some KiB fetched ahead of their use, and with so few that
// memory is the limit one panel at a time: then all that a thread reads lies in one line.
#pragma once

#include "backend/cpu/kernels.h"
#include "backend/cpu/shared/chunk.h"

namespace holdfast::cpu {
namespace {

// Columns of a column block, when there are more than kSmallBlock rows.
constexpr int64_t kManyColumns = 1024, kSmallBlock = 16;
// Rows up to which panels are taken one by one, and the bytes that are then fetched ahead.
constexpr int64_t kOnePanelRows = 4, kAhead = 4096;

void quantize_block(const float* x, int64_t x_stride, const QuantizedRows& to, int32_t block,
                    int64_t begin, int64_t end) {
  const int64_t first = to.first_row(block), rows = to.first_row(block + 1) - first;
  const int64_t record = to.record_bytes();
  unsigned char* const out =
      to.data + (first * (to.columns / kStripColumns) + begin * rows) * record;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t strip = begin; strip < end; ++strip) {
      unsigned char* at = out + ((strip - begin) * rows + r) * record;
      int32_t sums[2];
      const float scale = quantize_strip(x + r * x_stride + strip * kStripColumns, at, sums);
      at += kStripColumns;
      std::memcpy(at, &scale, 4);
      if (to.aux == 1) sums[0] += sums[1];
      for (int32_t i = 0; i < to.aux; ++i) {
        at += 4;
        if (to.minimum) {
          const float value = scale * static_cast<float>(sums[i]);
          std::memcpy(at, &value, 4);
        } else {
          const int32_t value = -to.offset * sums[i];
          std::memcpy(at, &value, 4);
        }
      }
    }
  }
}

inline int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }

template <CodePlanes kPlanes, int kGroups, bool kMinimum>
inline ChunkKernel kernel_of(int panels) {
  if constexpr (kPanels == 2) {
    if (panels == 2) return multiply<kPlanes, kGroups, kMinimum, 2>;
  }
  return multiply<kPlanes, kGroups, kMinimum, 1>;
}

// The kernel for a format's codes: k2, k21 and k42 come with groups of 16 columns, others of 32.
inline ChunkKernel find_kernel(const PackedFormat& format, int panels) {
  switch (format.planes) {
    case CodePlanes::k8:
      return kernel_of<CodePlanes::k8, 1, false>(panels);
    case CodePlanes::kTable:
      return kernel_of<CodePlanes::kTable, 1, false>(panels);
    case CodePlanes::k4:
      return format.minimum ? kernel_of<CodePlanes::k4, 1, true>(panels)
                            : kernel_of<CodePlanes::k4, 1, false>(panels);
    case CodePlanes::k41:
      return format.minimum ? kernel_of<CodePlanes::k41, 1, true>(panels)
                            : kernel_of<CodePlanes::k41, 1, false>(panels);
    case CodePlanes::k42:
      return kernel_of<CodePlanes::k42, 2, false>(panels);
    case CodePlanes::k2:
      return kernel_of<CodePlanes::k2, 2, true>(panels);
    case CodePlanes::k21:
      return kernel_of<CodePlanes::k21, 2, false>(panels);
  }
  return nullptr;
}

// Panels [panel, panel + n) over columns [begin, end): chunk by chunk, the next one on its way.
void multiply_panels(const PackedWork& work, int64_t panel, int n, int64_t begin, int64_t end,
                     int64_t rows) {
  const PackedFormat& format = *work.format;
  const QuantizedRows& x = *work.x;
  const ChunkKernel kernel = find_kernel(format, n);
  const int64_t full = chunk_bytes(format, kChunkColumns);
  const int64_t record = x.record_bytes();
  alignas(64) float scales[kMostPanels][2 * kChunkScales];
  Chunk chunk;
  chunk.strip_bytes = format.strip_bytes;
  chunk.rows = rows;
  chunk.ahead_bytes = static_cast<int>((full / 8 + 63) / 64 * 64);
  for (int i = 0; i < n; ++i) {
    chunk.scales[i] = scales[i];
    chunk.minimums[i] = scales[i] + kChunkScales;
    chunk.acc[i] = work.acc + (panel + i) * rows * kPanelRows;
  }
  // Of several panels the next chunks, or after their last ones the first of the panels that come
  // in their place. Past the matrix's end nothing happens.
  const auto next_chunk = [&](int64_t of, int64_t column, const unsigned char* after) {
    if (column + kChunkColumns < end) return after;
    return work.panels + (of + n) * work.panel_bytes + begin / kChunkColumns * full;
  };
  for (int64_t column = begin; column < end; column += kChunkColumns) {
    const int64_t columns = at_most(kChunkColumns, work.columns - column);
    chunk.strips = static_cast<int>(columns / kStripColumns);
    chunk.x = x.data + (x.first_row(work.block) * (x.columns / kStripColumns) +
                        column / kStripColumns * rows) *
                           record;
    for (int i = 0; i < n; ++i) {
      const unsigned char* at =
          work.panels + (panel + i) * work.panel_bytes + column / kChunkColumns * full;
      unpack_scales(format, at, static_cast<int>(columns / format.block), scales[i],
                    scales[i] + kChunkScales);
      chunk.codes[i] = at + chunk_scale_bytes(format, columns);
      chunk.ahead[i] = n == 1 ? at + kAhead : next_chunk(panel + i, column, at + full);
    }
    kernel(chunk);
  }
}

void packed_panels(const PackedWork& work) {
  const int64_t rows = work.x->first_row(work.block + 1) - work.x->first_row(work.block);
  const int64_t block = rows <= kSmallBlock ? work.columns : kManyColumns;
  const int64_t most = rows <= kOnePanelRows ? 1 : kPanels;
  std::memset(work.acc, 0, static_cast<std::size_t>(work.panel_count * rows * kPanelRows) * 4);
  for (int64_t column = 0; column < work.columns; column += block) {
    for (int64_t panel = 0; panel < work.panel_count; panel += most) {
      const int n = static_cast<int>(at_most(most, work.panel_count - panel));
      multiply_panels(work, panel, n, column, at_most(column + block, work.columns), rows);
    }
  }
}

}  // namespace
}  // namespace holdfast::cpu
