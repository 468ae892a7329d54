// Unpacked weights of one panel, as the int8 kernels read them.
#pragma once

#include <cstdint>

namespace holdfast::cpu {
namespace {

struct Tile {
  const uint8_t* codes;   // [strips][8 steps][16 rows][4 columns]
  const float* scales;    // [groups][16]
  const float* minimums;  // [groups][16], or none
};

// Packed weights that will be unpacked next, to be fetched into the cache on the way: `bytes` for
// each strip from each pointer. Memory would idle while tiles are computed with.
struct Ahead {
  const unsigned char* codes[2];
  int bytes;  // 0: nothing
};

// Adds x W^T over `strips` to acc[panel][row][16] (or starts there). x: one block's quantized rows.
using Micro = void (*)(const Tile* tiles, const unsigned char* x, int strips, float* const* acc,
                       bool first, const Ahead& ahead);

}  // namespace
}  // namespace holdfast::cpu
