// Attention over integer caches (kQ16, kQ8): online softmax, 64 tokens a step, in order; both
// matrix products in integers, which are exact, so that only the steps between them fix an order.
// Included after the instruction set's int16.h and attention.inl.
//
// Queries are 16-bit codes with one scale each. A block's scores are dot products of codes times
// the scales. Its weights 2^(score - the block's largest), times the values' scales, become 16-bit
// codes again, with a step for each query chosen such that no sum overflows; the codes' dot
// products with the values, times that step, are added to the running sums.
//
// Codes are read where they lie in the cache: 64 x 128 keys and as many values are 32 KiB (16 KiB
// in kQ8), which stay in L1 for all queries of the tile. Operations: 2 * 64 * (key_dim + value_dim)
// for a query and block, in 16-bit products.
#pragma once

#include "backend/cpu/shared/attention.inl"

namespace holdfast::cpu {
namespace {

constexpr int kHalf = 32;                // tokens that lie together: a page holds a multiple of it
constexpr int kIntColumns = 2 * kLanes;  // of a register tile
constexpr int kIntVecs = kIntBlock / kLanes;
static_assert(kHalf % kIntColumns == 0 && kKvScaleGroup % kIntColumns == 0);
// Codes of weights sum up to at most 65532 and values lie within +-32767: 2147287044 < 2^31.
constexpr float kWeightSum = 65500.0f;

// A block of n tokens as two halves. A pair row of keys holds 32 tokens, of values all dimensions.
struct IntBlock {
  const unsigned char* keys[2];
  const unsigned char* values[2];
  int64_t key_row, value_row;  // codes from one pair row to the next
  int32_t n, halves;
  float* key_scales;    // [key groups][64]
  float* value_scales;  // [value groups][64], zeros from n on
};

// What a kernel call keeps in AttentionTile::scratch.
struct IntScratch {
  int32_t key_groups, value_groups;
  float *key_scales, *value_scales;
  float* scores;   // [kIntRows][64]
  float* factors;  // [kIntRows] of what was summed before
  float* steps;    // [kIntRows][value groups]
  int16_t* codes;  // [value groups][kIntRows][64]
  int16_t *keys, *values, *queries;

  explicit IntScratch(const AttentionTile& t)
      : key_groups(kv_scale_groups(t.kv.format, t.kv.key_dim)),
        value_groups(kv_scale_groups(t.kv.format, t.kv.value_dim)) {
    float* p = t.scratch;
    const auto take = [&p](int64_t n) {
      float* const taken = p;
      p += n;
      return taken;
    };
    key_scales = take(key_groups * kIntBlock);
    value_scales = take(value_groups * kIntBlock);
    scores = take(kIntRows * kIntBlock);
    codes = reinterpret_cast<int16_t*>(take(kIntRows * value_groups * kIntBlock / 2));
    keys = reinterpret_cast<int16_t*>(take((t.kv.key_dim + 1) / 2 * kIntBlock));
    values = reinterpret_cast<int16_t*>(take(t.value_stride * kIntBlock / 2));
    queries = reinterpret_cast<int16_t*>(take((t.kv.key_dim + 1) / 2 * t.queries));
    factors = take(kIntRows);
    steps = take(kIntRows * value_groups);
  }
};

// ---- Finding a block.

template <class Code>
inline float load_scale(const unsigned char* scales, int64_t i) {
  if constexpr (sizeof(Code) == 2) return reinterpret_cast<const float*>(scales)[i];
  const uint32_t bits = uint32_t{reinterpret_cast<const uint16_t*>(scales)[i]} << 16;
  float x;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}
template <class Code>
inline Vec load_scales(const unsigned char* scales, int64_t i) {
  if constexpr (sizeof(Code) == 2) return vload(reinterpret_cast<const float*>(scales) + i);
  return vload_bf16(reinterpret_cast<const uint16_t*>(scales) + i);
}

// Scales of `run` tokens from slot `slot` of a page, to column i of [groups][64].
template <class Code>
inline void copy_scales(const unsigned char* scales, int32_t groups, int32_t page_tokens,
                        int32_t slot, int32_t run, float* to) {
  for (int32_t g = 0; g < groups; ++g, to += kIntBlock) {
    const int64_t from = int64_t{g} * page_tokens + slot;
    int32_t i = 0;
    for (; i + kLanes <= run; i += kLanes) vstore(to + i, load_scales<Code>(scales, from + i));
    for (; i < run; ++i) to[i] = load_scale<Code>(scales, from + i);
  }
}

// Copies one half where pages or vectors do not fit the kernel: any page size, any dimension.
template <class Code>
void copy_half(const AttentionTile& t, int32_t begin, int32_t n, Code* keys, Code* values) {
  const KvLayer& kv = t.kv;
  for (int32_t i = 0; i < n; ++i) {
    const int32_t page = t.pages[(begin + i) / kv.page_tokens];
    const int64_t slot = (begin + i) % kv.page_tokens;
    const auto* k = reinterpret_cast<const Code*>(head_page(kv, page, t.kv_head, false));
    for (int32_t d = 0; d < kv.key_dim; ++d)
      keys[(d / 2 * kHalf + i) * 2 + d % 2] = k[(d / 2 * kv.page_tokens + slot) * 2 + d % 2];
    if (kv.latent) continue;
    const auto* v = reinterpret_cast<const Code*>(head_page(kv, page, t.kv_head, true));
    for (int32_t d = 0; d < kv.value_dim; ++d)
      values[(i / 2 * t.value_stride + d) * 2 + i % 2] =
          v[(slot / 2 * kv.value_dim + d) * 2 + slot % 2];
  }
}

// MLA: the values of one half out of its keys.
template <class Code>
void values_of_keys(const AttentionTile& t, const Code* keys, int64_t key_row, Code* values) {
  for (int32_t d = 0; d < t.kv.value_dim; d += 2) {
    const Code* from = keys + d / 2 * key_row;
    Code* to = values + 2 * d;
    const bool both = d + 1 < t.kv.value_dim;
    for (int i = 0; i < kHalf / 2; ++i, from += 4, to += 2 * t.value_stride) {
      to[0] = from[0];
      to[1] = from[2];
      to[2] = both ? from[1] : Code{0};
      to[3] = both ? from[3] : Code{0};
    }
  }
}

template <class Code>
IntBlock find_block(const AttentionTile& t, const IntScratch& s, int32_t begin) {
  const KvLayer& kv = t.kv;
  IntBlock b{};
  b.n = t.end - begin < kIntBlock ? t.end - begin : kIntBlock;
  b.halves = (b.n + kHalf - 1) / kHalf;
  b.key_scales = s.key_scales;
  b.value_scales = kv.latent ? s.key_scales : s.value_scales;
  const bool whole_halves = kv.page_tokens % kHalf == 0;
  const bool direct = whole_halves && (kv.latent || kv.value_dim % kKvScaleGroup == 0);
  b.key_row = 2 * (direct ? kv.page_tokens : kHalf);
  b.value_row = 2 * (direct && !kv.latent ? kv.value_dim : t.value_stride);
  if (b.n < kIntBlock) {
    std::memset(b.value_scales, 0,
                sizeof(float) * static_cast<std::size_t>(s.value_groups * kIntBlock));
  }
  for (int32_t i = 0; i < b.n;) {
    const int32_t page = t.pages[(begin + i) / kv.page_tokens];
    const int32_t slot = (begin + i) % kv.page_tokens;
    const int32_t run = b.n - i < kv.page_tokens - slot ? b.n - i : kv.page_tokens - slot;
    const unsigned char* k = head_page(kv, page, t.kv_head, false);
    copy_scales<Code>(k + kv.key_scales, s.key_groups, kv.page_tokens, slot, run, s.key_scales + i);
    if (!kv.latent) {
      const unsigned char* v = head_page(kv, page, t.kv_head, true);
      copy_scales<Code>(v + kv.value_scales, s.value_groups, kv.page_tokens, slot, run,
                        s.value_scales + i);
    }
    i += run;
  }
  constexpr auto kSize = static_cast<int64_t>(sizeof(Code));
  for (int32_t h = 0; h < b.halves; ++h) {
    auto* const keys = reinterpret_cast<Code*>(s.keys) + h * (kv.key_dim + 1) / 2 * 2 * kHalf;
    auto* const values = reinterpret_cast<Code*>(s.values) + h * kHalf * t.value_stride;
    const int32_t first = begin + h * kHalf;
    if (direct) {
      const int32_t page = t.pages[first / kv.page_tokens];
      const int64_t slot = first % kv.page_tokens;
      b.keys[h] = head_page(kv, page, t.kv_head, false) + slot * 2 * kSize;
      if (!kv.latent)
        b.values[h] = head_page(kv, page, t.kv_head, true) + slot * kv.value_dim * kSize;
    } else {
      const int32_t n = b.n - h * kHalf < kHalf ? b.n - h * kHalf : kHalf;
      copy_half<Code>(t, first, n, keys, values);
      b.keys[h] = reinterpret_cast<const unsigned char*>(keys);
      b.values[h] = reinterpret_cast<const unsigned char*>(values);
    }
    if (kv.latent) {
      values_of_keys<Code>(t, reinterpret_cast<const Code*>(b.keys[h]), b.key_row, values);
      b.values[h] = reinterpret_cast<const unsigned char*>(values);
    }
  }
  return b;
}

// ---- Computing with it.

// acc[r] += the pairs of M rows at x, `kRowStep` apart, times those of kIntColumns columns at y.
template <int M, int kRowStep, class Code>
[[gnu::always_inline]] inline void add_pair(const int16_t* x, const Code* y, IVec (&acc)[M][2]) {
  const auto y0 = ikept(iload_pairs(y)), y1 = ikept(iload_pairs(y + kIntColumns));
  for (int r = 0; r < M; ++r) {
    const auto pair = iset_pair(x + r * kRowStep);
    acc[r][0] = idot(acc[r][0], pair, y0);
    acc[r][1] = idot(acc[r][1], pair, y1);
  }
}

// sums[r][kIntColumns] = M rows of a . b: `pairs` pairs from each of one or two places, b0 and b1.
// Pair p of row r stands at a + p * kPairStep + r * kRowStep, those that meet b1 a_part further. A
// function of its own, in steps of eight pairs: only so does GCC keep the sums in registers.
template <int M, int kPairStep, int kRowStep, class Code>
[[gnu::noinline]] void products(const int16_t* a, int64_t a_part, const Code* b0, const Code* b1,
                                int64_t b_row, int32_t pairs, float* sums) {
  constexpr int kUnroll = 8;
  IVec acc[M][2];
  for (int r = 0; r < M; ++r) acc[r][0] = acc[r][1] = izero();
  do {
    const int16_t* x = a;
    int32_t p = 0;
    for (; p + kUnroll <= pairs; p += kUnroll, x += kUnroll * kPairStep) {
#pragma GCC unroll 8
      for (int i = 0; i < kUnroll; ++i, b0 += b_row)
        add_pair<M, kRowStep>(x + i * kPairStep, b0, acc);
    }
    for (; p < pairs; ++p, x += kPairStep, b0 += b_row) add_pair<M, kRowStep>(x, b0, acc);
    a += a_part;
    b0 = b1;
    b1 = nullptr;
  } while (b0 != nullptr);
  for (int r = 0; r < M; ++r) {
    vstore(sums + r * kIntColumns, ifloat(acc[r][0]));
    vstore(sums + r * kIntColumns + kLanes, ifloat(acc[r][1]));
  }
}

// The m queries' codes for passes over them: [pairs][rows of the pass][2], pass after pass.
inline void pack_queries(const AttentionTile& t, int16_t* to) {
  const int32_t pairs = (t.kv.key_dim + 1) / 2;
  const int32_t passes = (t.queries + kIntRows - 1) / kIntRows;
  for (int32_t i = 0; i < passes; ++i) {
    const int32_t from = t.queries * i / passes, m = t.queries * (i + 1) / passes - from;
    for (int32_t r = 0; r < m; ++r) {
      const int16_t* q = t.q_codes + (from + r) * t.q_stride;
      for (int32_t p = 0; p < pairs; ++p)
        std::memcpy(to + (p * m + r) * 2, q + 2 * p, 2 * sizeof(int16_t));
    }
    to += int64_t{2} * pairs * m;
  }
}

// scores[r][64] of M queries, without the query's scale.
template <int M, class Code>
void block_scores(const AttentionTile& t, const IntBlock& b, const int16_t* q, float* scores) {
  const int32_t pairs = (t.kv.key_dim + 1) / 2;
  const int32_t group = sizeof(Code) == 1 ? kKvScaleGroup / 2 : pairs;
  for (int32_t h = 0; h < b.halves; ++h) {
    const Code* keys = reinterpret_cast<const Code*>(b.keys[h]);
    for (int c = 0; c < kHalf; c += kIntColumns) {
      const float* scale = b.key_scales + h * kHalf + c;
      float* to = scores + h * kHalf + c;
      for (int32_t p = 0; p < pairs; p += group, scale += kIntBlock) {
        const Vec s0 = vload(scale), s1 = vload(scale + kLanes);
        float sums[M * kIntColumns];
        products<M, 2 * M, 2, Code>(q + 2 * M * p, 0, keys + p * b.key_row + 2 * c, nullptr,
                                    b.key_row, group < pairs - p ? group : pairs - p, sums);
        for (int r = 0; r < M; ++r) {
          float* row = to + r * kIntBlock;
          const Vec x0 = vload(sums + r * kIntColumns), x1 = vload(sums + r * kIntColumns + kLanes);
          vstore(row, p > 0 ? vfma(x0, s0, vload(row)) : vmul(x0, s0));
          vstore(row + kLanes, p > 0 ? vfma(x1, s1, vload(row + kLanes)) : vmul(x1, s1));
        }
      }
    }
  }
}

// Turns one query's scores into codes of its weights, those of tokens from `seen` on into 0, and
// carries its largest score and sum on. Returns the factor for what was summed before.
inline float block_weights(const IntBlock& b, int32_t groups, float* scores, int32_t seen,
                           float q_scale, float* max, float* sum, int16_t* codes, float* steps) {
  if (seen <= 0) {
    for (int32_t g = 0; g < groups; ++g) {
      std::memset(codes + g * kIntRows * kIntBlock, 0, kIntBlock * sizeof(int16_t));
      steps[g] = 0.0f;
    }
    return 1.0f;
  }
  for (int32_t t = seen; t < kIntBlock; ++t) scores[t] = -INFINITY;
  Vec p[kIntVecs];
  for (int j = 0; j < kIntVecs; ++j) p[j] = vload(scores + j * kLanes);
  Vec largest = p[0];
  for (int j = 1; j < kIntVecs; ++j) largest = vmax(largest, p[j]);
  const float block = vlargest(largest) * q_scale;
  for (int j = 0; j < kIntVecs; ++j) p[j] = vexp2(vfma(p[j], vset(q_scale), vset(-block)));
  if (seen < kIntBlock) {
    for (int j = 0; j < kIntVecs; ++j) vstore(scores + j * kLanes, p[j]);
    for (int32_t t = seen; t < kIntBlock; ++t) scores[t] = 0.0f;
    for (int j = 0; j < kIntVecs; ++j) p[j] = vload(scores + j * kLanes);
  }
  Vec total = p[0];
  for (int j = 1; j < kIntVecs; ++j) total = vadd(total, p[j]);

  const float before = *max;
  const bool higher = block > before;
  const float factor = exp2_one(higher ? before - block : block - before);
  const float old_factor = higher ? factor : 1.0f, new_factor = higher ? 1.0f : factor;
  *max = higher ? block : before;
  *sum = *sum * old_factor + vsum(total) * new_factor;

  for (int32_t g = 0; g < groups; ++g) {
    const float* scale = b.value_scales + g * kIntBlock;
    Vec w[kIntVecs];
    for (int j = 0; j < kIntVecs; ++j) w[j] = vmul(p[j], vload(scale + j * kLanes));
    Vec all = w[0], most = w[0];
    for (int j = 1; j < kIntVecs; ++j) {
      all = vadd(all, w[j]);
      most = vmax(most, w[j]);
    }
    const float by_sum = vsum(all) / kWeightSum, by_most = vlargest(most) / kCodeLimit;
    const float step = by_sum > by_most ? by_sum : by_most;
    const Vec inverse = vset(step > 1e-30f ? 1.0f / step : 0.0f);
    for (int j = 0; j < kIntVecs; ++j)
      istore_rounded(codes + g * kIntRows * kIntBlock + j * kLanes, vmul(w[j], inverse));
    steps[g] = step * new_factor;
  }
  return old_factor;
}

// out[r] = out[r] * factors[r] + steps[r] * (codes[r] . values) for M queries.
template <int M, class Code>
void block_values(const AttentionTile& t, const IntBlock& b, const IntScratch& s, int32_t first) {
  for (int32_t d = 0; d < t.kv.value_dim; d += kIntColumns) {
    const int32_t g = sizeof(Code) == 1 ? d / kKvScaleGroup : 0;
    const auto* v0 = reinterpret_cast<const Code*>(b.values[0]) + 2 * d;
    const auto* v1 = b.halves == 2 ? reinterpret_cast<const Code*>(b.values[1]) + 2 * d : nullptr;
    float sums[M * kIntColumns];
    products<M, 2, kIntBlock, Code>(s.codes + g * kIntRows * kIntBlock, kHalf, v0, v1, b.value_row,
                                    kHalf / 2, sums);
    for (int r = 0; r < M; ++r) {
      float* to = t.out + (first + r) * t.value_stride + d;
      const Vec factor = vset(s.factors[r]), step = vset(s.steps[r * s.value_groups + g]);
      for (int j = 0; j < kIntColumns; j += kLanes) {
        vstore(to + j, vfma(vload(sums + r * kIntColumns + j), step, vmul(vload(to + j), factor)));
      }
    }
  }
}

// Queries [first, first + M), with their codes at q.
template <int M, class Code>
void attend_int_rows(const AttentionTile& t, const IntBlock& b, const IntScratch& s, int32_t begin,
                     int32_t first, const int16_t* q) {
  block_scores<M, Code>(t, b, q, s.scores);
  for (int r = 0; r < M; ++r) {
    const int32_t visible = t.visible[first + r] - begin;
    s.factors[r] =
        block_weights(b, s.value_groups, s.scores + r * kIntBlock, visible < b.n ? visible : b.n,
                      t.q_scales[first + r], t.max + first + r, t.sum + first + r,
                      s.codes + r * kIntBlock, s.steps + r * s.value_groups);
  }
  block_values<M, Code>(t, b, s, first);
}

// attend_int_rows of 1 to kIntRows rows.
template <class Code, int M = kIntRows>
inline void attend_some_rows(int32_t rows, const AttentionTile& t, const IntBlock& b,
                             const IntScratch& s, int32_t begin, int32_t first, const int16_t* q) {
  if constexpr (M > 1) {
    if (rows < M) return attend_some_rows<Code, M - 1>(rows, t, b, s, begin, first, q);
  }
  attend_int_rows<M, Code>(t, b, s, begin, first, q);
}

template <class Code>
void attend_codes(const AttentionTile& t) {
  const IntScratch s(t);
  for (int32_t r = 0; r < t.queries; ++r) {
    t.max[r] = -INFINITY;
    t.sum[r] = 0.0f;
  }
  std::memset(t.out, 0, sizeof(float) * static_cast<std::size_t>(t.queries * t.value_stride));
  pack_queries(t, s.queries);
  const int32_t pairs = (t.kv.key_dim + 1) / 2;
  const int32_t passes = (t.queries + kIntRows - 1) / kIntRows;
  for (int32_t begin = t.begin; begin < t.end; begin += kIntBlock) {
    const IntBlock block = find_block<Code>(t, s, begin);
    for (int32_t i = 0; i < passes; ++i) {
      const int32_t from = t.queries * i / passes, to = t.queries * (i + 1) / passes;
      if (t.visible[to - 1] <= begin) continue;  // queries are in order of position
      attend_some_rows<Code>(to - from, t, block, s, begin, from,
                             s.queries + int64_t{2} * pairs * from);
    }
  }
}

void attend(const AttentionTile& t) {
  if (t.kv.format == KvFormat::kF32) return attend_floats(t);
  if (t.kv.format == KvFormat::kQ16) return attend_codes<int16_t>(t);
  attend_codes<int8_t>(t);
}

float encode_query(const float* x, float factor, int16_t* codes, int64_t n) {
  Vec squares = vzero(), largest = vzero();
  for (int64_t i = 0; i < n; i += kLanes) {
    const Vec a = vload_n(x + i, static_cast<int>(n - i < kLanes ? n - i : kLanes));
    squares = vfma(a, a, squares);
    largest = vmax(largest, vmax(a, vsub(vzero(), a)));
  }
  const float by_norm = std::sqrt(vsum(squares)) / kCodeNorm;
  const float by_limit = vlargest(largest) / kCodeLimit;
  const float scale = by_norm > by_limit ? by_norm : by_limit;
  const Vec inverse = vset(scale > 0.0f ? 1.0f / scale : 0.0f);
  for (int64_t i = 0; i < n; i += kLanes) {
    const Vec a = vload_n(x + i, static_cast<int>(n - i < kLanes ? n - i : kLanes));
    istore_rounded(codes + i, vmul(a, inverse));
  }
  return scale * factor;
}

}  // namespace
}  // namespace holdfast::cpu
