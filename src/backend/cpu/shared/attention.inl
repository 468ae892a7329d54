// Attention of a tile of queries over one chunk of a sequence's tokens: online softmax
// (arXiv 1805.02867, 2205.14135), 32 tokens a step, in order. Written once for every instruction
// set: included after that set's vec.h.
//
// Keys and values of a block are turned into floats once, in L1 (32 x 128 x 4 bytes = 16 KiB each),
// and used by all queries of the tile: two small matrix products. Lanes are tokens in the first
// (keys lie transposed, no horizontal sums) and value dimensions in the second. Each score is a sum
// over the key's dimensions in order, each output a sum over tokens in order, whatever the tile.
// Operations: 2 * m * 32 * (key_dim + value_dim) a block; bytes read: 32 * (key + value) of a
// token.
#pragma once

#include "backend/cpu/shared/elementwise.inl"

namespace holdfast::cpu {
namespace {

constexpr int kBlockVecs = kAttentionBlock / kLanes;

// Where a token's key or value of one head lies.
inline const unsigned char* head_page(const KvLayer& kv, int32_t page, int32_t head, bool value) {
  const unsigned char* p = kv.base + page * kv.page_stride;
  return value ? p + kv.kv_heads * kv.key_bytes + head * kv.value_bytes : p + head * kv.key_bytes;
}

// One token's row-major key or value as floats.
inline void decode_row(const unsigned char* p, KvFormat format, int32_t slot, int32_t tokens,
                       int32_t dim, float* out) {
  int32_t i = 0;
  if (format == KvFormat::kF32) {
    std::memcpy(out, p + int64_t{slot} * dim * 4, static_cast<std::size_t>(dim) * 4);
  } else if (format == KvFormat::kF16) {
    const uint16_t* row = reinterpret_cast<const uint16_t*>(p) + int64_t{slot} * dim;
    for (; i + kLanes <= dim; i += kLanes) vstore(out + i, vload_f16(row + i));
    for (; i < dim; ++i) out[i] = half_to_float(row[i]);
  } else {
    const int8_t* row = reinterpret_cast<const int8_t*>(p) + int64_t{slot} * dim;
    const int32_t groups = (dim + 31) / 32;
    const uint16_t* scales =
        reinterpret_cast<const uint16_t*>(p + int64_t{tokens} * dim) + int64_t{slot} * groups;
    for (; i + kLanes <= dim; i += kLanes)
      vstore(out + i, vmul(vload_i8(row + i), vset(half_to_float(scales[i / 32]))));
    for (; i < dim; ++i) out[i] = static_cast<float>(row[i]) * half_to_float(scales[i / 32]);
  }
}

// Tokens [slot, slot + n) of a transposed page into out[dim][32] from column `column` on.
inline void decode_columns(const unsigned char* p, KvFormat format, int32_t slot, int32_t n,
                           int32_t tokens, int32_t dim, int32_t column, float* out) {
  const uint16_t* scales = reinterpret_cast<const uint16_t*>(p + int64_t{tokens} * dim);
  for (int32_t d = 0; d < dim; ++d) {
    float* row = out + int64_t{d} * kAttentionBlock + column;
    const int64_t at = int64_t{d} * tokens + slot;
    int32_t i = 0;
    if (format == KvFormat::kF32) {
      std::memcpy(row, p + at * 4, static_cast<std::size_t>(n) * 4);
    } else if (format == KvFormat::kF16) {
      const uint16_t* from = reinterpret_cast<const uint16_t*>(p) + at;
      for (; i + kLanes <= n; i += kLanes) vstore(row + i, vload_f16(from + i));
      for (; i < n; ++i) row[i] = half_to_float(from[i]);
    } else {
      const int8_t* from = reinterpret_cast<const int8_t*>(p) + at;
      const uint16_t* scale = scales + int64_t{d / 32} * tokens + slot;
      for (; i + kLanes <= n; i += kLanes)
        vstore(row + i, vmul(vload_i8(from + i), vload_f16(scale + i)));
      for (; i < n; ++i) row[i] = static_cast<float>(from[i]) * half_to_float(scale[i]);
    }
  }
}

// The block of tokens [begin, begin + n), n <= 32, as keys[key_dim][32] and values[32][stride];
// zeros for the tokens that are not there.
inline void stage_block(const AttentionTile& t, int32_t begin, int32_t n, float* keys,
                        float* values) {
  const KvLayer& kv = t.kv;
  if (n < kAttentionBlock) {
    std::memset(keys, 0, sizeof(float) * static_cast<std::size_t>(kAttentionBlock * kv.key_dim));
    std::memset(values + n * t.value_stride, 0,
                sizeof(float) * static_cast<std::size_t>((kAttentionBlock - n) * t.value_stride));
  }
  const std::size_t padding = static_cast<std::size_t>(t.value_stride - kv.value_dim);
  for (int32_t i = 0; i < n;) {
    const int32_t page = t.pages[(begin + i) / kv.page_tokens];
    const int32_t slot = (begin + i) % kv.page_tokens;
    const int32_t run = n - i < kv.page_tokens - slot ? n - i : kv.page_tokens - slot;
    const unsigned char* k = head_page(kv, page, t.kv_head, false);
    if (kv.transposed) {
      decode_columns(k, kv.format, slot, run, kv.page_tokens, kv.key_dim, i, keys);
      const unsigned char* v = head_page(kv, page, t.kv_head, true);
      for (int32_t j = 0; j < run; ++j) {
        float* row = values + (i + j) * t.value_stride;
        decode_row(v, kv.format, slot + j, kv.page_tokens, kv.value_dim, row);
        if (padding > 0) std::memset(row + kv.value_dim, 0, padding * sizeof(float));
      }
    } else {  // MLA: the value is the beginning of the key
      float* row = t.scratch;
      for (int32_t j = 0; j < run; ++j) {
        decode_row(k, kv.format, slot + j, kv.page_tokens, kv.key_dim, row);
        for (int32_t d = 0; d < kv.key_dim; ++d) keys[d * kAttentionBlock + i + j] = row[d];
        float* value = values + (i + j) * t.value_stride;
        std::memcpy(value, row, sizeof(float) * static_cast<std::size_t>(kv.value_dim));
        if (padding > 0) std::memset(value + kv.value_dim, 0, padding * sizeof(float));
      }
    }
    i += run;
  }
}

// scores[r][32] = q[r] . keys for M queries.
template <int M>
inline void score_rows(const float* q, int64_t key_dim, const float* keys, float* scores) {
  Vec acc[M][kBlockVecs];
  for (int r = 0; r < M; ++r)
    for (int j = 0; j < kBlockVecs; ++j) acc[r][j] = vzero();
  for (int64_t d = 0; d < key_dim; ++d) {
    Vec k[kBlockVecs];
    for (int j = 0; j < kBlockVecs; ++j) k[j] = vload(keys + d * kAttentionBlock + j * kLanes);
    for (int r = 0; r < M; ++r) {
      const Vec x = vset(q[r * key_dim + d]);
      for (int j = 0; j < kBlockVecs; ++j) acc[r][j] = vfma(x, k[j], acc[r][j]);
    }
  }
  for (int r = 0; r < M; ++r)
    for (int j = 0; j < kBlockVecs; ++j)
      vstore(scores + r * kAttentionBlock + j * kLanes, acc[r][j]);
}

// out[r] = out[r] * alpha[r] + p[r] . values for M queries, 4 vectors of dimensions at a time.
template <int M>
inline void value_rows(const float* p, const float* alpha, const float* values, int64_t stride,
                       float* out) {
  constexpr int kVecs = 4;
  static_assert(kValuePad % (kVecs * kLanes) == 0);
  for (int64_t d = 0; d < stride; d += kVecs * kLanes) {
    Vec acc[M][kVecs];
    for (int r = 0; r < M; ++r)
      for (int j = 0; j < kVecs; ++j)
        acc[r][j] = vmul(vload(out + r * stride + d + j * kLanes), vset(alpha[r]));
    for (int t = 0; t < kAttentionBlock; ++t) {
      Vec v[kVecs];
      for (int j = 0; j < kVecs; ++j) v[j] = vload(values + t * stride + d + j * kLanes);
      for (int r = 0; r < M; ++r) {
        const Vec x = vset(p[r * kAttentionBlock + t]);
        for (int j = 0; j < kVecs; ++j) acc[r][j] = vfma(x, v[j], acc[r][j]);
      }
    }
    for (int r = 0; r < M; ++r)
      for (int j = 0; j < kVecs; ++j) vstore(out + r * stride + d + j * kLanes, acc[r][j]);
  }
}

// e^x of one number, as the vectors compute it.
inline float exp_one(float x) {
  float lanes[kLanes];
  vstore(lanes, vexp(vset(x)));
  return lanes[0];
}

// Turns one query's scores of tokens [begin, begin + 32) into exp(score - max), those of the tokens
// from `visible` (> begin) on into 0, and carries max and sum on. Returns the factor for what was
// summed before.
inline float softmax_step(float* scores, int32_t begin, int32_t visible, float* max, float* sum) {
  const int32_t seen = visible - begin;
  for (int32_t t = seen; t < kAttentionBlock; ++t) scores[t] = -INFINITY;
  Vec largest = vload(scores);
  for (int j = 1; j < kBlockVecs; ++j) largest = vmax(largest, vload(scores + j * kLanes));
  const float before = *max;
  const float block = vlargest(largest);
  const float now = block > before ? block : before;
  const Vec shift = vset(now);
  for (int j = 0; j < kBlockVecs; ++j)
    vstore(scores + j * kLanes, vexp(vsub(vload(scores + j * kLanes), shift)));
  for (int32_t t = seen; t < kAttentionBlock; ++t) scores[t] = 0.0f;
  Vec total = vload(scores);
  for (int j = 1; j < kBlockVecs; ++j) total = vadd(total, vload(scores + j * kLanes));
  const float alpha = before == -INFINITY ? 0.0f : exp_one(before - now);
  *sum = *sum * alpha + vsum(total);
  *max = now;
  return alpha;
}

template <int M>
inline void attend_rows(const AttentionTile& t, int32_t first, int32_t begin, const float* keys,
                        const float* values, float* scores, float* alpha) {
  score_rows<M>(t.q + int64_t{first} * t.kv.key_dim, t.kv.key_dim, keys, scores);
  for (int r = 0; r < M; ++r)
    alpha[r] = softmax_step(scores + r * kAttentionBlock, begin, t.visible[first + r],
                            t.max + first + r, t.sum + first + r);
  constexpr int kRows = kValueRows < M ? kValueRows : M;
  int r = 0;
  for (; r + kRows <= M; r += kRows)
    value_rows<kRows>(scores + r * kAttentionBlock, alpha + r, values, t.value_stride,
                      t.out + (first + r) * t.value_stride);
  for (; r < M; ++r)
    value_rows<1>(scores + r * kAttentionBlock, alpha + r, values, t.value_stride,
                  t.out + (first + r) * t.value_stride);
}

void attend(const AttentionTile& t) {
  float* keys = t.scratch + t.kv.key_dim;  // the first key_dim floats: one row, for MLA
  float* values = keys + kAttentionBlock * t.kv.key_dim;
  float* scores = values + kAttentionBlock * t.value_stride;
  for (int32_t r = 0; r < t.queries; ++r) {
    t.max[r] = -INFINITY;
    t.sum[r] = 0.0f;
  }
  std::memset(t.out, 0, sizeof(float) * static_cast<std::size_t>(t.queries * t.value_stride));
  float alpha[kScoreRows];
  int32_t hidden = 0;  // queries are in order of position: those before see nothing from here on
  for (int32_t begin = t.begin; begin < t.end; begin += kAttentionBlock) {
    const int32_t n = t.end - begin < kAttentionBlock ? t.end - begin : kAttentionBlock;
    stage_block(t, begin, n, keys, values);
    while (hidden < t.queries && t.visible[hidden] <= begin) ++hidden;
    int32_t r = hidden;
    for (; r + kScoreRows <= t.queries; r += kScoreRows)
      attend_rows<kScoreRows>(t, r, begin, keys, values, scores, alpha);
    for (; r < t.queries; ++r) attend_rows<1>(t, r, begin, keys, values, scores, alpha);
  }
}

void merge(float* max, float* sum, float* out, const float* max2, const float* sum2,
           const float* out2, int32_t m, int64_t value_stride) {
  for (int32_t r = 0; r < m; ++r) {
    if (max2[r] == -INFINITY) continue;  // saw nothing of the later chunk
    const float now = max[r] > max2[r] ? max[r] : max2[r];
    const float factor = exp_one(max[r] - now), factor2 = exp_one(max2[r] - now);
    const Vec a = vset(factor), b = vset(factor2);
    sum[r] = sum[r] * factor + sum2[r] * factor2;
    max[r] = now;
    float* row = out + r * value_stride;
    const float* row2 = out2 + r * value_stride;
    for (int64_t d = 0; d < value_stride; d += kLanes)
      vstore(row + d, vfma(vload(row2 + d), b, vmul(vload(row + d), a)));
  }
}

}  // namespace
}  // namespace holdfast::cpu
