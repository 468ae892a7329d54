#include <algorithm>
#include <cstring>
#include <vector>

#include "backend/cpu/backend_impl.h"
#include "backend/cpu/kv_cache.h"
#include "base/check.h"

namespace holdfast::cpu {
namespace {

// Queries of a tile: enough that reading a block of keys and values costs little beside the
// arithmetic, few enough that their state stays in L2.
constexpr int32_t kTileQueries = 96;
constexpr float kLog2E = 1.44269504f;  // the kernels' softmax counts in powers of two

// Queries [first, first + count) among those of the rows from `row` on of one sequence and of the
// heads that share one KV head.
struct Tile {
  const SequenceSlice* sequence;
  int32_t row, kv_head;
  int32_t first, count;
  int32_t end;  // tokens the last of its rows sees

  int32_t chunks() const { return (end + kAttentionChunk - 1) / kAttentionChunk; }
};

// With too few parts for all threads, tiles are cut into some of fewer queries: their keys are read
// more than once, but from a cache.
std::vector<Tile> split(const std::vector<Tile>& tiles, int threads) {
  constexpr int32_t kFewest = 8;  // what a kernel takes at once
  int64_t parts = 0;
  for (const Tile& tile : tiles) parts += tile.chunks();
  const int64_t pieces = (2 * threads + parts - 1) / std::max<int64_t>(1, parts);
  if (threads == 1 || pieces <= 1) return tiles;
  std::vector<Tile> small;
  for (const Tile& tile : tiles) {
    const int32_t step =
        std::max(kFewest, static_cast<int32_t>((tile.count + pieces - 1) / pieces));
    for (int32_t first = 0; first < tile.count; first += step) {
      small.push_back(tile);
      small.back().first += first;
      small.back().count = std::min(step, tile.count - first);
    }
  }
  return small;
}

std::vector<Tile> make_tiles(const Batch& batch, int32_t kv_heads, int32_t group, bool all,
                             int threads) {
  const int32_t rows_per_tile = std::max(1, kTileQueries / group);
  std::vector<Tile> tiles;
  for (const SequenceSlice& sequence : batch.sequences) {
    for (int32_t row = sequence.row_begin; row < sequence.row_end; row += rows_per_tile) {
      const int32_t rows = std::min(rows_per_tile, sequence.row_end - row);
      const int32_t last = all ? sequence.row_end : row + rows;
      const int32_t end = sequence.cached + (last - sequence.row_begin);
      for (int32_t head = 0; head < kv_heads; ++head) {
        tiles.push_back({&sequence, row, head, 0, rows * group, end});
      }
    }
  }
  tiles = split(tiles, threads);
  // Long ones first, so that the last thread to finish holds little.
  std::ranges::stable_sort(tiles, std::greater{},
                           [](const Tile& t) { return int64_t{t.end} * t.count; });
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
  CHECK(!kv.latent && kv.kv_heads == params.kv_heads && kv.key_dim == params.head_dim &&
        kv.value_dim == params.head_dim && params.heads % params.kv_heads == 0);
  attend(q, kv, batch, params.heads, params.scale, Sees::kPast, out);
}

// Keys and values in pages of one block as a float32 cache has them, so that the same kernels read
// them.
void CpuBackend::full_attention(Mat q, Mat k, Mat v, std::span<const RowRange> texts,
                                const AttentionParams& params, Mat out) {
  const int32_t dim = params.head_dim, kv_heads = params.kv_heads;
  CHECK(k.cols >= int64_t{kv_heads} * dim && v.cols >= int64_t{kv_heads} * dim &&
        k.rows == q.rows && v.rows == q.rows && params.heads % kv_heads == 0);
  std::vector<int32_t> pages;
  std::vector<SequenceSlice> sequences;
  std::vector<int32_t> first_page;
  for (const RowRange& text : texts) {
    CHECK(text.begin >= 0 && text.begin < text.end && text.end <= q.rows);
    first_page.push_back(static_cast<int32_t>(pages.size()));
    for (int32_t token = 0; token < text.end - text.begin; token += kAttentionBlock) {
      pages.push_back(static_cast<int32_t>(pages.size()));
    }
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    sequences.push_back({texts[i].begin, texts[i].end, 0,
                         std::span(pages).subspan(static_cast<std::size_t>(first_page[i]))});
  }
  const auto mark = arena_.mark();
  const int64_t head_floats = int64_t{kAttentionBlock} * dim;
  const int64_t page_floats = 2 * head_floats * kv_heads;
  float* const memory = arena_.array<float>(page_floats * std::ssize(pages));
  for (const SequenceSlice& sequence : sequences) {
    for_rows(sequence.row_end - sequence.row_begin, 2 * int64_t{kv_heads} * dim, [&](int64_t i) {
      const int64_t slot = i % kAttentionBlock;
      float* const page = memory + page_floats * (sequence.pages[0] + i / kAttentionBlock);
      for (int32_t head = 0; head < kv_heads; ++head) {
        const float* key = row_of(k, sequence.row_begin + i) + head * dim;
        float* const keys = page + head * head_floats + slot;
        for (int32_t d = 0; d < dim; ++d) keys[d * kAttentionBlock] = key[d];
        std::memcpy(page + (kv_heads + head) * head_floats + slot * dim,
                    row_of(v, sequence.row_begin + i) + head * dim,
                    sizeof(float) * static_cast<std::size_t>(dim));
      }
    });
  }
  KvLayer kv{};
  kv.base = reinterpret_cast<const unsigned char*>(memory);
  kv.page_stride = page_floats * 4;
  kv.key_bytes = kv.value_bytes = head_floats * 4;
  kv.page_tokens = kAttentionBlock;
  kv.kv_heads = kv_heads;
  kv.key_dim = kv.value_dim = dim;
  kv.format = KvFormat::kF32;
  attend(q, kv, {.tokens = {}, .positions = {}, .sequences = sequences, .logit_rows = {}},
         params.heads, params.scale, Sees::kAll, out);
  arena_.release(mark);
}

void CpuBackend::mla_attention(Mat q, const KvCache& cache, int32_t layer, const Batch& batch,
                               const MlaParams& params, Mat out) {
  KvLayer kv = static_cast<const CpuKvCache&>(cache).layer(layer);
  CHECK(kv.latent && kv.kv_heads == 1 && kv.key_dim == params.kv_rank + params.rope_dim);
  kv.value_dim = params.kv_rank;
  kv.value_scales = kv.key_scales;
  attend(q, kv, batch, params.heads, params.scale, Sees::kPast, out);
}

// What one attention call works with, and the work of its threads.
struct CpuBackend::Attention {
  const Kernels& kernels;
  Mat q, out;
  KvLayer kv;
  int32_t group;   // heads of a KV head
  int32_t most;    // queries of a tile at most
  int64_t stride;  // of a query's sums of values
  float scale;
  Sees sees;

  // A state: for each query the largest score, the sum of exponentials, the sums of values.
  int64_t state_floats() const { return most * (2 + stride); }
  // Codes of a query: whole vectors of any instruction set.
  int64_t q_stride() const { return (kv.key_dim + 15) / 16 * 16; }
  int64_t query_floats() const {
    return kv.format == KvFormat::kF32 ? most * kv.key_dim : most * (q_stride() / 2 + 1);
  }
  // A thread's memory: queries, what each of them sees, a second state, the kernel's scratch.
  int64_t thread_floats() const {
    return query_floats() + most + state_floats() + attention_scratch_floats(kv, most, stride);
  }
  int64_t row_of_query(const Tile& tile, int32_t j) const {
    return tile.row + (tile.first + j) / group;
  }
  int64_t head_of_query(const Tile& tile, int32_t j) const {
    return tile.kv_head * group + (tile.first + j) % group;
  }

  // The tile's queries in the kernels' form, to query_floats() of memory.
  void take_queries(const Tile& tile, float* memory, AttentionTile& work) const {
    auto* const codes = reinterpret_cast<int16_t*>(memory);
    float* const scales = memory + most * q_stride() / 2;
    for (int32_t j = 0; j < work.queries; ++j) {
      const float* from = row_of(q, row_of_query(tile, j)) + head_of_query(tile, j) * kv.key_dim;
      if (kv.format == KvFormat::kF32) {
        kernels.scale(from, scale * kLog2E, memory + int64_t{j} * kv.key_dim, kv.key_dim);
      } else {
        scales[j] = kernels.encode_query(from, scale * kLog2E, codes + j * q_stride(), kv.key_dim);
      }
    }
    work.q = memory;
    work.q_codes = codes;
    work.q_scales = scales;
    work.q_stride = q_stride();
  }

  // The chunks that start in [begin, end), merged in order, to `state`. memory: thread_floats().
  void run(const Tile& tile, int32_t begin, int32_t end, float* state, float* memory) const {
    auto* const visible = reinterpret_cast<int32_t*>(memory + query_floats());
    float* const second = memory + query_floats() + most;
    AttentionTile work{};
    work.kv = kv;
    work.pages = tile.sequence->pages.data();
    work.kv_head = tile.kv_head;
    work.queries = tile.count;
    work.visible = visible;
    work.value_stride = stride;
    work.scratch = second + state_floats();
    take_queries(tile, memory, work);
    for (int32_t j = 0; j < work.queries; ++j) {
      const int64_t last = sees == Sees::kAll ? tile.sequence->row_end - 1 : row_of_query(tile, j);
      visible[j] =
          static_cast<int32_t>(tile.sequence->cached + last - tile.sequence->row_begin + 1);
    }
    for (int32_t chunk = begin; chunk < end; chunk += kAttentionChunk) {
      float* const to = chunk == begin ? state : second;
      work.begin = chunk;
      work.end = std::min(end, chunk + kAttentionChunk);
      work.max = to;
      work.sum = to + most;
      work.out = to + 2 * most;
      kernels.attend(work);
      if (to != state) merge(tile, state, to);
    }
  }
  void merge(const Tile& tile, float* state, const float* later) const {
    kernels.merge(state, state + most, state + 2 * most, later, later + most, later + 2 * most,
                  tile.count, stride);
  }
  void finish(const Tile& tile, const float* state) const {
    for (int32_t j = 0; j < tile.count; ++j) {
      kernels.scale(state + 2 * most + j * stride, 1.0f / state[most + j],
                    row_of(out, row_of_query(tile, j)) + head_of_query(tile, j) * kv.value_dim,
                    kv.value_dim);
    }
  }
};

void CpuBackend::attend(Mat q, const KvLayer& kv, const Batch& batch, int32_t heads, float scale,
                        Sees sees, Mat out) {
  const int32_t group = heads / kv.kv_heads;
  CHECK(q.cols >= int64_t{heads} * kv.key_dim && out.cols >= int64_t{heads} * kv.value_dim);
  const std::vector<Tile> tiles =
      make_tiles(batch, kv.kv_heads, group, sees == Sees::kAll, pool_.size());
  if (tiles.empty()) return;
  const Attention work{kernels_,
                       q,
                       out,
                       kv,
                       group,
                       std::ranges::max(tiles, {}, &Tile::count).count,
                       (kv.value_dim + kValuePad - 1) / kValuePad * kValuePad,
                       scale,
                       sees};

  // Enough tiles: each thread takes whole ones. A few long ones: threads share their chunks.
  const bool whole = std::ssize(tiles) >= 4 * pool_.size() || pool_.size() == 1;
  std::vector<int64_t> first_part{0};  // of each tile
  for (const Tile& tile : tiles)
    first_part.push_back(first_part.back() + (whole ? 1 : tile.chunks()));
  const int64_t parts = first_part.back();

  const auto mark = arena_.mark();
  const int64_t memory_floats = work.thread_floats(), state_floats = work.state_floats();
  float* const memory = arena_.array<float>(memory_floats * pool_.size());
  float* const states = arena_.array<float>(state_floats * (whole ? pool_.size() : parts));
  pool_.parallel_for(parts, 1, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t part = begin; part < end; ++part) {
      const auto t = std::ranges::upper_bound(first_part, part) - first_part.begin() - 1;
      const Tile& tile = tiles[static_cast<std::size_t>(t)];
      float* const state = states + state_floats * (whole ? thread : part);
      const auto chunk = static_cast<int32_t>(part - first_part[static_cast<std::size_t>(t)]);
      const int32_t token = chunk * kAttentionChunk;
      work.run(tile, token, whole ? tile.end : std::min(tile.end, token + kAttentionChunk), state,
               memory + memory_floats * thread);
      if (whole) work.finish(tile, state);
    }
  });
  if (!whole) {
    pool_.parallel_for(std::ssize(tiles), 1, [&](int64_t begin, int64_t end, int) {
      for (auto t = static_cast<std::size_t>(begin); t < static_cast<std::size_t>(end); ++t) {
        float* const state = states + state_floats * first_part[t];
        for (int64_t part = first_part[t] + 1; part < first_part[t + 1]; ++part) {
          work.merge(tiles[t], state, states + state_floats * part);
        }
        work.finish(tiles[t], state);
      }
    });
  }
  arena_.release(mark);
}

}  // namespace holdfast::cpu
