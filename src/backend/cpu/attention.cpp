#include <algorithm>
#include <vector>

#include "backend/cpu/backend_impl.h"
#include "backend/cpu/kv_cache.h"
#include "base/check.h"

namespace holdfast::cpu {
namespace {

// Queries of a tile: enough that turning a block of keys and values into floats costs little beside
// the arithmetic, few enough that their state stays in L2.
constexpr int32_t kTileQueries = 48;

// The rows [row, row + rows) of one sequence and the heads that share one KV head.
struct Tile {
  const SequenceSlice* sequence;
  int32_t row, rows, kv_head;
  int32_t end;  // tokens the last of its rows sees
};

std::vector<Tile> make_tiles(const Batch& batch, int32_t kv_heads, int32_t group) {
  const int32_t rows_per_tile = std::max(1, kTileQueries / group);
  std::vector<Tile> tiles;
  for (const SequenceSlice& sequence : batch.sequences) {
    for (int32_t row = sequence.row_begin; row < sequence.row_end; row += rows_per_tile) {
      const int32_t rows = std::min(rows_per_tile, sequence.row_end - row);
      const int32_t end = sequence.cached + (row + rows - sequence.row_begin);
      for (int32_t head = 0; head < kv_heads; ++head) {
        tiles.push_back({&sequence, row, rows, head, end});
      }
    }
  }
  // Long ones first, so that the last thread to finish holds little.
  std::ranges::stable_sort(tiles, std::greater{},
                           [](const Tile& t) { return int64_t{t.end} * t.rows; });
  return tiles;
}

}  // namespace

void CpuBackend::kv_append(KvCache& cache, int32_t layer, const Batch& batch, Mat k, Mat v) {
  auto& kv = static_cast<CpuKvCache&>(cache);
  const KvSpec& spec = kv.spec();
  CHECK(k.cols >= spec.k_width && (spec.v_width == 0 || v.cols >= spec.v_width));
  CHECK(layer >= 0 && layer < spec.layers) << "layer " << layer;
  for (const SequenceSlice& sequence : batch.sequences) {
    const int32_t rows = sequence.row_end - sequence.row_begin;
    for_rows(rows, spec.k_width + spec.v_width, [&](int64_t i) {
      const int64_t token = sequence.cached + i, row = sequence.row_begin + i;
      const auto index = static_cast<std::size_t>(token / spec.page_tokens);
      CHECK(index < sequence.pages.size()) << "no page for token " << token;
      const int32_t page = sequence.pages[index];
      CHECK(page >= 0 && page < spec.pages) << "page " << page << " of " << spec.pages;
      kv.store(layer, page, static_cast<int32_t>(token % spec.page_tokens), row_of(k, row),
               spec.v_width > 0 ? row_of(v, row) : nullptr);
    });
  }
}

void CpuBackend::attention(Mat q, const KvCache& cache, int32_t layer, const Batch& batch,
                           const AttentionParams& params, Mat out) {
  const KvLayer kv = static_cast<const CpuKvCache&>(cache).layer(layer);
  CHECK(kv.transposed && kv.kv_heads == params.kv_heads && kv.key_dim == params.head_dim &&
        kv.value_dim == params.head_dim && params.heads % params.kv_heads == 0);
  attend(q, kv, batch, params.heads, params.scale, out);
}

void CpuBackend::mla_attention(Mat q, const KvCache& cache, int32_t layer, const Batch& batch,
                               const MlaParams& params, Mat out) {
  KvLayer kv = static_cast<const CpuKvCache&>(cache).layer(layer);
  CHECK(!kv.transposed && kv.kv_heads == 1 && kv.key_dim == params.kv_rank + params.rope_dim);
  kv.value_dim = params.kv_rank;
  attend(q, kv, batch, params.heads, params.scale, out);
}

void CpuBackend::attend(Mat q, const KvLayer& kv, const Batch& batch, int32_t heads, float scale,
                        Mat out) {
  const int32_t group = heads / kv.kv_heads;
  CHECK(q.cols >= int64_t{heads} * kv.key_dim && out.cols >= int64_t{heads} * kv.value_dim);
  const std::vector<Tile> tiles = make_tiles(batch, kv.kv_heads, group);
  if (tiles.empty()) return;
  const int64_t stride = (kv.value_dim + kValuePad - 1) / kValuePad * kValuePad;
  const int32_t most = std::max(1, kTileQueries / group) * group;

  // Per thread: queries, what each may see, two states (max, sum, out) and the kernel's scratch.
  const int64_t state = most * (2 + stride);
  const int64_t floats =
      most * (kv.key_dim + 1) + 2 * state + attention_scratch_floats(most, kv.key_dim, stride);
  const auto mark = arena_.mark();
  float* const memory = arena_.array<float>(floats * pool_.size());

  pool_.parallel_for(
      static_cast<int64_t>(tiles.size()), 1, [&](int64_t first, int64_t last, int thread) {
        float* const queries = memory + floats * thread;
        auto* const visible = reinterpret_cast<int32_t*>(queries + most * kv.key_dim);
        float* const states = queries + most * (kv.key_dim + 1);
        for (int64_t i = first; i < last; ++i) {
          const Tile& tile = tiles[static_cast<std::size_t>(i)];
          const int32_t m = tile.rows * group;
          for (int32_t j = 0; j < m; ++j) {
            const int32_t row = tile.row + j / group, head = tile.kv_head * group + j % group;
            kernels_.scale(row_of(q, row) + int64_t{head} * kv.key_dim, scale,
                           queries + int64_t{j} * kv.key_dim, kv.key_dim);
            visible[j] = tile.sequence->cached + (row - tile.sequence->row_begin) + 1;
          }
          AttentionTile work{.kv = kv,
                             .pages = tile.sequence->pages.data(),
                             .kv_head = tile.kv_head,
                             .queries = m,
                             .q = queries,
                             .visible = visible,
                             .value_stride = stride,
                             .scratch = states + 2 * state};
          for (int32_t begin = 0; begin < tile.end; begin += kAttentionChunk) {
            float* to = begin == 0 ? states : states + state;
            work.begin = begin;
            work.end = std::min(tile.end, begin + kAttentionChunk);
            work.max = to;
            work.sum = to + most;
            work.out = to + 2 * most;
            kernels_.attend(work);
            if (begin > 0) {
              kernels_.merge(states, states + most, states + 2 * most, work.max, work.sum, work.out,
                             m, stride);
            }
          }
          for (int32_t j = 0; j < m; ++j) {
            const int32_t row = tile.row + j / group, head = tile.kv_head * group + j % group;
            kernels_.scale(states + 2 * most + j * stride, 1.0f / states[most + j],
                           row_of(out, row) + int64_t{head} * kv.value_dim, kv.value_dim);
          }
        }
      });
  arena_.release(mark);
}

}  // namespace holdfast::cpu
