// acc = x W^T for float weights: the register tile and the loops around it, for a kind of product
// given as a class:
//
//   kColumns       columns of a step: one vector of stored weights
//   kChunk         columns summed up on their own; part of the numeric format
//   kVecs          products a step takes for each output
//   kBytes         of a step's weights in a row
//   W load(p, i)   weights of product i of the step at p
//   X load_x(p)    a vector of activations: 4 * kLanes bytes
//   Vec add(sum, W, X)
//
// Order of sums: for each output, chunks of kChunk columns; lane l of a vector takes every
// product's lane l by fused multiply-adds in order, the lanes are added up by vsum's tree, and the
// chunks one after the other. So a row's result depends on the format and K alone.
//
// Register tile: 4 weight rows x kDotRows activation rows (or 8 x 3, see dot_panels): their sums,
// the activations, one weight. The activations of a block (a chunk: 24 KiB) stay in L1. With few
// rows, weights pass as they lie in memory, each read once for all blocks. With many, a chunk of 32
// weight rows (128 KiB) is copied or turned into floats, and stays in L2 for all blocks. The
// weights that come next are fetched on the way, spread over the tiles. Few rows: bytes bound (2 K
// bytes a bf16 row); many: bound by products, two or four flops for each weight and row.
#pragma once

#include "backend/cpu/kernels.h"

namespace holdfast::cpu {
namespace {

// Weights to fetch into the cache during a tile: `rows` of them, row_bytes apart.
struct DotAhead {
  const unsigned char* weights;
  int64_t row_bytes, rows;
};

// sum[r][w] over `columns` of W weight rows and R activation rows; columns past the last whole step
// are read from a copy padded with zeros. to[r * kFloatPanelRows + w] (+)= its lanes.
template <class P, int W, int R>
inline void dot_tile(const unsigned char* weights, int64_t row_bytes, const unsigned char* x,
                     int64_t columns, const DotAhead& ahead, bool first, float* to) {
  constexpr int64_t kXBytes = 4 * kLanes;
  Vec sum[R][W];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
    for (int w = 0; w < W; ++w) sum[r][w] = vzero();
  const auto step = [&](const unsigned char* at, int64_t stride) {
#pragma GCC unroll 2
    for (int i = 0; i < P::kVecs; ++i) {
      typename P::X value[R];
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) value[r] = P::load_x(x + (i * R + r) * kXBytes);
#pragma GCC unroll 8
      for (int w = 0; w < W; ++w) {
        const typename P::W weight = P::load(at + w * stride, i);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) sum[r][w] = P::add(sum[r][w], weight, value[r]);
      }
    }
    x += R * P::kVecs * kXBytes;
  };
  int64_t k = 0;
  if (ahead.rows > 0) {
    const unsigned char* next = ahead.weights;
    for (; k + P::kColumns <= columns; k += P::kColumns, weights += P::kBytes, next += P::kBytes) {
      for (int64_t i = 0; i < ahead.rows; ++i) vprefetch(next + i * ahead.row_bytes);
      step(weights, row_bytes);
    }
  } else {
    for (; k + P::kColumns <= columns; k += P::kColumns, weights += P::kBytes) {
      step(weights, row_bytes);
    }
  }
  if (k < columns) {
    unsigned char padded[W][P::kBytes] = {};
    const auto bytes = static_cast<std::size_t>((columns - k) * P::kBytes / P::kColumns);
    for (int w = 0; w < W; ++w) std::memcpy(padded[w], weights + w * row_bytes, bytes);
    step(padded[0], P::kBytes);
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r, to += kFloatPanelRows) {
    if constexpr (W % 4 == 0) {
      for (int w = 0; w < W; w += 4) vstore_sums4(sum[r] + w, !first, to + w);
    } else {
      static_assert(W == 1);
      *to = first ? vsum(sum[r][0]) : *to + vsum(sum[r][0]);
    }
  }
}

// Columns [begin, end) of `count` weight rows from `row` on, kFloatChunk words apart, as a kind of
// product reads them, the last step filled up with zeros.
using Widen = void (*)(const FloatWork& work, int64_t row, int64_t count, int64_t begin,
                       int64_t end, unsigned char* to);

template <class P>
using DotTile = void (*)(const unsigned char* weights, int64_t row_bytes, const unsigned char* x,
                         int64_t columns, const DotAhead& ahead, bool first, float* to);

template <class P, int W, int R>
inline DotTile<P> find_dot_tile(int64_t rows) {
  if constexpr (R > 1) {
    if (rows < R) return find_dot_tile<P, W, R - 1>(rows);
  }
  return dot_tile<P, W, R>;
}

// Tiles of up to W x R, `together` weight rows at a time. widen: null when weights are read in
// place. element: bytes of a stored weight.
template <class P, int W, int R>
inline void dot_loops(const FloatWork& work, int64_t together, int64_t element, Widen widen) {
  const FloatRows& x = *work.x;
  const int64_t row0 = x.first_row(work.first_block);
  const int64_t rows = x.first_row(work.last_block) - row0;
  const int64_t larger = x.first_row(work.first_block + 1) - row0;  // rows of a block, or 1 less
  const int64_t smaller = larger > 1 ? larger - 1 : 1;
  const DotTile<P> tiles[2][2] = {
      {find_dot_tile<P, W, R>(larger), find_dot_tile<P, 1, R>(larger)},
      {find_dot_tile<P, W, R>(smaller), find_dot_tile<P, 1, R>(smaller)}};
  const auto least = [](int64_t a, int64_t b) { return a < b ? a : b; };

  for (int64_t w = 0; w < work.weight_rows; w += together) {
    const int64_t count = least(together, work.weight_rows - w);
    const int64_t groups = count / W + count % W;
    const int64_t tile_count = groups * (work.last_block - work.first_block);
    for (int64_t begin = 0; begin < work.columns; begin += P::kChunk) {
      const int64_t end = least(begin + P::kChunk, work.columns);
      const unsigned char* weights = work.weights + w * work.row_bytes + begin * element;
      const unsigned char* const next =  // the chunk that comes then
          end < work.columns ? weights + P::kChunk * element
                             : work.weights + (w + together) * work.row_bytes;
      int64_t row_bytes = work.row_bytes, columns = end - begin;
      if (widen != nullptr) {
        widen(work, w, count, begin, end, work.scratch);
        weights = work.scratch;
        row_bytes = kFloatChunk * 4;
        columns = (columns + P::kColumns - 1) / P::kColumns * P::kColumns;
      }
      int64_t tile = 0;
      for (int64_t block = work.first_block; block < work.last_block; ++block) {
        const int64_t first = x.first_row(block), m = x.first_row(block + 1) - first;
        const unsigned char* data = x.data + x.bytes(x.columns, first) + x.bytes(begin, m);
        float* const acc = work.acc +
                           (w / kFloatPanelRows * rows + first - row0) * kFloatPanelRows +
                           w % kFloatPanelRows;
        for (int64_t i = 0; i < count; ++tile) {
          const bool one = count - i < W;
          const int64_t row = tile * together / tile_count;
          const DotAhead ahead{next + row * work.row_bytes, work.row_bytes,
                               (tile + 1) * together / tile_count - row};
          tiles[m == larger ? 0 : 1][one ? 1 : 0](weights + i * row_bytes, row_bytes, data, columns,
                                                  ahead, begin == 0, acc + i);
          i += one ? 1 : W;
        }
      }
    }
  }
}

// Three regimes by the number of rows (of the whole step's x, so that all items agree):
//   up to kFewRows   kDotWeights rows of weights at a time, in place
//   up to kSomeRows  kSomeDotWeights rows at a time, in place: activations are read less often
//   more             32 rows at a time, copied
constexpr int64_t kFewRows = 8, kSomeRows = 24;

inline int64_t float_blocks(int64_t rows) {
  const int64_t most = rows > kFewRows && rows <= kSomeRows ? kSomeDotRows : kDotRows;
  return (rows + most - 1) / most;
}

// P reads weights as they are stored (or `in_place` leaves them), Q as `widen` leaves them.
template <class P, class Q>
inline void dot_panels(const FloatWork& work, int64_t element, Widen in_place, Widen widen) {
  const int64_t rows = work.x->rows;
  if (rows <= kFewRows) {
    dot_loops<P, kDotWeights, kDotRows>(work, kDotWeights, element, in_place);
  } else if (rows <= kSomeRows) {
    dot_loops<P, kSomeDotWeights, kSomeDotRows>(work, kSomeDotWeights, element, in_place);
  } else {
    dot_loops<Q, kDotWeights, kDotRows>(work, kFloatPanelRows, element, widen);
  }
}

}  // namespace
}  // namespace holdfast::cpu
