// A chunk of packed weights (packed_format.h) and the activations it meets, as the int8 kernels of
// an instruction set take them.
#pragma once

#include <cstdint>
#include <cstring>

#include "backend/cpu/packed_format.h"

namespace holdfast::cpu {
namespace {

constexpr int kMostPanels = 2;                 // that a kernel takes at once
constexpr int kChunkScales = 16 * kPanelRows;  // of a chunk: at most 16 groups of 16 rows

struct Chunk {
  const unsigned char* codes[kMostPanels];  // packed, of `strips` strips
  const float* scales[kMostPanels];         // [groups][16]
  const float* minimums[kMostPanels];       // [groups][16], of formats that have them
  int strips;
  int strip_bytes;         // packed codes of a strip
  const unsigned char* x;  // the block's first row at the first strip
  int64_t rows;
  float* acc[kMostPanels];  // [rows][16], added to
  // Packed weights to be fetched into the cache on the way, `ahead_bytes` for each strip.
  const unsigned char* ahead[kMostPanels];
  int ahead_bytes;
};

using ChunkKernel = void (*)(const Chunk& chunk);

// Four codes of a row; a number of a row.
inline int32_t word(const unsigned char* p) {
  int32_t value;
  std::memcpy(&value, p, 4);
  return value;
}
inline float number(const unsigned char* p) {
  float value;
  std::memcpy(&value, p, 4);
  return value;
}

}  // namespace
}  // namespace holdfast::cpu
