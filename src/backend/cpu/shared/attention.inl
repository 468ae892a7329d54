// Attention of a tile of queries over one chunk of a sequence's tokens in a float cache: online
// softmax (arXiv 1805.02867, 2205.14135), 32 tokens a step, in order. Written once for every
// instruction set: included after that set's vec.h. Integer caches: attention_int.inl.
//
// Keys and values of a block are put together once, in L1 (32 x 128 x 4 bytes = 16 KiB each), and
// used by all queries of the tile: two small matrix products. Lanes are tokens in the first
// (keys lie transposed, no horizontal sums) and value dimensions in the second. Each score is a sum
// over the key's dimensions in order, each output a sum over tokens in order, whatever the tile.
// Operations: 2 * m * 32 * (key_dim + value_dim) a block; bytes read: 32 * (key + value) of a
// token.
#pragma once

#include "backend/cpu/shared/elementwise.inl"

namespace holdfast::cpu {
namespace {

constexpr int kBlockVecs = kAttentionBlock / kLanes;

// 2^x, to about 1 unit in the last place, for x <= 127; clamped from below to 2^-126. The remainder
// by a polynomial of degree 6, fitted for the least largest relative error.
inline Vec vexp2(Vec x) {
  const Vec clamped = vmax(x, vset(-126.0f));
  const Vec n = vround(clamped);
  const Vec r = vsub(clamped, n);
  Vec p = vset(1.534582843e-4f);
  p = vfma(p, r, vset(1.339993789e-3f));
  p = vfma(p, r, vset(9.618489072e-3f));
  p = vfma(p, r, vset(5.550328642e-2f));
  p = vfma(p, r, vset(2.402264625e-1f));
  p = vfma(p, r, vset(6.931471825e-1f));
  p = vfma(p, r, vset(1.0f));
  return vmul(p, vpow2(n));
}
// The same of one number.
inline float exp2_one(float x) {
  float lanes[kLanes];
  vstore(lanes, vexp2(vset(x)));
  return lanes[0];
}

// Where a token's key or value of one head lies.
inline const unsigned char* head_page(const KvLayer& kv, int32_t page, int32_t head, bool value) {
  const unsigned char* p = kv.base + page * kv.page_stride;
  return value ? p + kv.kv_heads * kv.key_bytes + head * kv.value_bytes : p + head * kv.key_bytes;
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
  const auto copy_value = [&](const float* from, int32_t token) {
    float* to = values + token * t.value_stride;
    std::memcpy(to, from, sizeof(float) * static_cast<std::size_t>(kv.value_dim));
    if (padding > 0) std::memset(to + kv.value_dim, 0, padding * sizeof(float));
  };
  for (int32_t i = 0; i < n;) {
    const int32_t page = t.pages[(begin + i) / kv.page_tokens];
    const int32_t slot = (begin + i) % kv.page_tokens;
    const int32_t run = n - i < kv.page_tokens - slot ? n - i : kv.page_tokens - slot;
    const auto* k = reinterpret_cast<const float*>(head_page(kv, page, t.kv_head, false));
    if (!kv.latent) {
      for (int32_t d = 0; d < kv.key_dim; ++d)
        std::memcpy(keys + d * kAttentionBlock + i, k + int64_t{d} * kv.page_tokens + slot,
                    static_cast<std::size_t>(run) * sizeof(float));
      const auto* v = reinterpret_cast<const float*>(head_page(kv, page, t.kv_head, true));
      for (int32_t j = 0; j < run; ++j) copy_value(v + int64_t{slot + j} * kv.value_dim, i + j);
    } else {
      for (int32_t j = 0; j < run; ++j) {
        const float* row = k + int64_t{slot + j} * kv.key_dim;
        for (int32_t d = 0; d < kv.key_dim; ++d) keys[d * kAttentionBlock + i + j] = row[d];
        copy_value(row, i + j);
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

// Turns one query's scores of tokens [begin, begin + 32) into 2^(score - max), those of the tokens
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
    vstore(scores + j * kLanes, vexp2(vsub(vload(scores + j * kLanes), shift)));
  for (int32_t t = seen; t < kAttentionBlock; ++t) scores[t] = 0.0f;
  Vec total = vload(scores);
  for (int j = 1; j < kBlockVecs; ++j) total = vadd(total, vload(scores + j * kLanes));
  const float alpha = before == -INFINITY ? 0.0f : exp2_one(before - now);
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

void attend_floats(const AttentionTile& t) {
  float* keys = t.scratch;
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
    const float factor = exp2_one(max[r] - now), factor2 = exp2_one(max2[r] - now);
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
