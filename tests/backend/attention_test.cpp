// Attention against a plain softmax in double precision, and its bytes against themselves: alone or
// in a batch, whole or in chunks, on one thread or two, over any page table.
#include "backend_fixture.h"

namespace holdfast {
namespace {

struct Case {
  int32_t heads, kv_heads, key_dim, value_dim;  // value_dim 0: MLA, the value is the key's first
  int32_t kv_rank = 0;                          // kv_rank floats
  int32_t page_tokens = 32;
  KvType type = KvType::kF32;
};

struct Tokens {  // of one sequence
  std::vector<float> q, k, v;
  int32_t n;
};

Tokens random_tokens(Random& random, const Case& c, int32_t n) {
  return {random.normal(int64_t{n} * c.heads * c.key_dim),
          random.normal(int64_t{n} * c.kv_heads * c.key_dim),
          random.normal(int64_t{n} * c.kv_heads * c.value_dim), n};
}

int32_t out_dim(const Case& c) { return c.value_dim > 0 ? c.value_dim : c.kv_rank; }
constexpr float kScale = 0.17f;

std::vector<double> reference(const Case& c, const Tokens& s) {
  const int32_t group = c.heads / c.kv_heads, width = out_dim(c);
  std::vector<double> out(static_cast<std::size_t>(s.n) * c.heads * width);
  for (int32_t row = 0; row < s.n; ++row) {
    for (int32_t head = 0; head < c.heads; ++head) {
      const float* q = &s.q[static_cast<std::size_t>((row * c.heads + head) * c.key_dim)];
      std::vector<double> p(static_cast<std::size_t>(row) + 1);
      double most = -1e300, sum = 0;
      for (int32_t t = 0; t <= row; ++t) {
        const float* k =
            &s.k[static_cast<std::size_t>((t * c.kv_heads + head / group) * c.key_dim)];
        double score = 0;
        for (int32_t d = 0; d < c.key_dim; ++d) score += double{q[d]} * k[d];
        p[static_cast<std::size_t>(t)] = score * kScale;
        most = std::max(most, score * kScale);
      }
      for (double& x : p) sum += x = std::exp(x - most);
      double* o = &out[static_cast<std::size_t>((row * c.heads + head) * width)];
      for (int32_t t = 0; t <= row; ++t) {
        const int64_t kv = int64_t{t} * c.kv_heads + head / group;
        const float* v = c.value_dim > 0 ? &s.v[static_cast<std::size_t>(kv * c.value_dim)]
                                         : &s.k[static_cast<std::size_t>(kv * c.key_dim)];
        for (int32_t d = 0; d < width; ++d) o[d] += p[static_cast<std::size_t>(t)] / sum * v[d];
      }
    }
  }
  return out;
}

// Feeds several sequences through one cache, each in pieces as `cuts` says (all sequences' i-th
// pieces ride in one batch), and returns each sequence's outputs.
std::vector<std::vector<float>> run(Backend& backend, const Case& c,
                                    const std::vector<Tokens>& sequences,
                                    const std::vector<std::vector<int32_t>>& cuts, uint32_t seed) {
  const auto pages_of = [&](int32_t n) { return (n + c.page_tokens - 1) / c.page_tokens; };
  int32_t pages = 0;
  for (const Tokens& s : sequences) pages += pages_of(s.n);
  std::vector<int32_t> shuffled(static_cast<std::size_t>(pages));
  std::iota(shuffled.begin(), shuffled.end(), 0);
  Random random(seed);
  std::shuffle(shuffled.begin(), shuffled.end(), random.engine());

  auto cache = backend.make_kv_cache({.layers = 2,
                                      .page_tokens = c.page_tokens,
                                      .pages = pages,
                                      .k_width = int64_t{c.kv_heads} * c.key_dim,
                                      .v_width = int64_t{c.kv_heads} * c.value_dim,
                                      .kv_heads = c.kv_heads,
                                      .type = c.type});
  EXPECT_TRUE(cache.has_value());
  const int64_t q_width = int64_t{c.heads} * c.key_dim, k_width = int64_t{c.kv_heads} * c.key_dim;
  const int64_t v_width = int64_t{c.kv_heads} * c.value_dim, width = int64_t{c.heads} * out_dim(c);
  std::vector<std::vector<float>> outs(sequences.size());
  std::vector<int32_t> done(sequences.size(), 0);
  for (std::size_t step = 0;; ++step) {
    std::vector<SequenceSlice> slices;
    std::vector<std::size_t> who;
    std::vector<float> q, k, v;
    int32_t rows = 0, first_page = 0;
    for (std::size_t i = 0; i < sequences.size(); ++i) {
      const Tokens& s = sequences[i];
      if (step < cuts[i].size()) {
        const int32_t n = cuts[i][step];
        const auto take = [&](std::vector<float>& to, const std::vector<float>& from, int64_t w) {
          to.insert(to.end(), from.begin() + done[i] * w, from.begin() + (done[i] + n) * w);
        };
        take(q, s.q, q_width);
        take(k, s.k, k_width);
        if (v_width > 0) take(v, s.v, v_width);
        slices.push_back({rows, rows + n, done[i],
                          std::span(shuffled).subspan(static_cast<std::size_t>(first_page),
                                                      static_cast<std::size_t>(pages_of(s.n)))});
        who.push_back(i);
        rows += n;
      }
      first_page += pages_of(s.n);
    }
    if (rows == 0) return outs;
    Batch batch;
    batch.sequences = slices;
    backend.begin_step();
    const Mat out = backend.scratch(rows, width);
    backend.kv_append(**cache, 1, batch, mat(k, rows), v_width > 0 ? mat(v, rows) : Mat{});
    if (c.value_dim > 0) {
      backend.attention(mat(q, rows), **cache, 1, batch, {c.heads, c.kv_heads, c.key_dim, kScale},
                        out);
    } else {
      backend.mla_attention(mat(q, rows), **cache, 1, batch,
                            {c.heads, c.kv_rank, c.key_dim - c.kv_rank, kScale}, out);
    }
    const auto values = backend.read(out);
    for (std::size_t j = 0; j < who.size(); ++j) {
      outs[who[j]].insert(outs[who[j]].end(), values.begin() + slices[j].row_begin * width,
                          values.begin() + slices[j].row_end * width);
      done[who[j]] += slices[j].row_end - slices[j].row_begin;
    }
    backend.end_step();
  }
}

class AttentionTest : public IsaTest {};

TEST_P(AttentionTest, EqualsSoftmaxInDouble) {
  const Case cases[] = {
      {.heads = 4, .kv_heads = 2, .key_dim = 16, .value_dim = 16},
      {.heads = 3, .kv_heads = 3, .key_dim = 64, .value_dim = 64, .page_tokens = 16},
      {.heads = 12, .kv_heads = 2, .key_dim = 128, .value_dim = 128, .type = KvType::kQ16},
      {.heads = 6, .kv_heads = 2, .key_dim = 80, .value_dim = 80, .type = KvType::kQ8},
      {.heads = 2, .kv_heads = 1, .key_dim = 20, .value_dim = 20, .page_tokens = 7},
      {.heads = 5, .kv_heads = 1, .key_dim = 48, .value_dim = 0, .kv_rank = 32},
      {.heads = 4,
       .kv_heads = 1,
       .key_dim = 96,
       .value_dim = 0,
       .kv_rank = 64,
       .page_tokens = 64,
       .type = KvType::kQ16},
      {.heads = 4,
       .kv_heads = 1,
       .key_dim = 40,
       .value_dim = 0,
       .kv_rank = 24,
       .type = KvType::kQ8},
  };
  Random random(1);
  for (const Case& c : cases) {
    const Tokens s = random_tokens(random, c, 70);
    const auto out = run(*backend_, c, {s}, {{70}}, 7)[0];
    const auto expected = reference(c, s);
    ASSERT_EQ(out.size(), expected.size());
    // f32: rounding only. f16: keys and values of size 4 carry errors up to 2^-11 * 4, and the
    // scores' errors (sqrt(dim) * 2^-12 * scale) shift weights by as much. q8: steps of |max| /
    // 127.
    const double tolerance = c.type == KvType::kF32 ? 2e-5 : c.type == KvType::kQ16 ? 5e-3 : 8e-2;
    for (std::size_t i = 0; i < out.size(); ++i) {
      ASSERT_NEAR(out[i], expected[i], tolerance) << "value " << i << ", key_dim " << c.key_dim;
    }
  }
}

TEST_P(AttentionTest, SameBytesHoweverBatched) {
  const Case cases[] = {
      {.heads = 4,
       .kv_heads = 2,
       .key_dim = 32,
       .value_dim = 32,
       .page_tokens = 16,
       .type = KvType::kQ16},
      {.heads = 3, .kv_heads = 1, .key_dim = 24, .value_dim = 24, .type = KvType::kQ8},
      {.heads = 4, .kv_heads = 1, .key_dim = 48, .value_dim = 0, .kv_rank = 32},
  };
  const auto one_thread = backend_of(GetParam(), 1);
  Random random(2);
  for (Case c : cases) {
    std::vector<Tokens> sequences;
    for (const int32_t n : {90, 33, 1, 64}) sequences.push_back(random_tokens(random, c, n));
    const auto together =
        run(*backend_, c, sequences, {{50, 1, 1, 38}, {33}, {1}, {7, 20, 30, 7}}, 3);
    for (std::size_t i = 0; i < sequences.size(); ++i) {
      const int32_t n = sequences[i].n;
      const auto whole = run(*one_thread, c, {sequences[i]}, {{n}}, 4)[0];
      ASSERT_TRUE(same_bytes(whole, together[i])) << "sequence " << i;
      const auto single = run(*backend_, c, {sequences[i]},
                              {std::vector<int32_t>(static_cast<std::size_t>(n), 1)}, 5)[0];
      ASSERT_TRUE(same_bytes(whole, single)) << "sequence " << i;
      Case other = c;
      other.page_tokens = 24;
      ASSERT_TRUE(same_bytes(whole, run(*backend_, other, {sequences[i]}, {{n}}, 6)[0]));
    }
  }
}

// More than one chunk of kAttentionChunk tokens.
TEST_P(AttentionTest, LongSequence) {
  for (const KvType type : {KvType::kF32, KvType::kQ16, KvType::kQ8}) {
    const Case c{.heads = 2, .kv_heads = 1, .key_dim = 16, .value_dim = 16, .type = type};
    Random random(3);
    const Tokens s = random_tokens(random, c, 2100);
    const auto out = run(*backend_, c, {s}, {{2100}}, 7)[0];
    const auto expected = reference(c, s);
    const double tolerance = type == KvType::kF32 ? 2e-5 : type == KvType::kQ16 ? 5e-4 : 5e-2;
    for (std::size_t i = 0; i < out.size(); ++i) ASSERT_NEAR(out[i], expected[i], tolerance);
    const auto chunks = run(*backend_, c, {s}, {{1023, 1, 1, 1, 500, 500, 73, 1}}, 8)[0];
    ASSERT_TRUE(same_bytes(out, chunks));
  }
}

// Queries, keys, values and weights that bring the integer sums to their bounds: all equal (the
// norm is the limit), and a single value (the code's range is), beside others of another size.
TEST_P(AttentionTest, SumsOfCodesFit) {
  for (const KvType type : {KvType::kQ16, KvType::kQ8}) {
    for (const bool single : {false, true}) {
      const Case c{.heads = 2, .kv_heads = 1, .key_dim = 128, .value_dim = 128, .type = type};
      constexpr int32_t kTokens = 130;
      Tokens s{std::vector<float>(kTokens * 256, single ? 0.0f : 0.2f),
               std::vector<float>(kTokens * 128, single ? 0.0f : 0.2f),
               std::vector<float>(kTokens * 128, -3.0f), kTokens};
      if (single) {
        for (std::size_t i = 0; i < s.q.size(); i += 128) s.q[i + 7] = 2.0f;
        for (std::size_t i = 0; i < s.k.size(); i += 128) s.k[i + 7] = i % 256 == 0 ? 2.0f : -2.0f;
        for (std::size_t i = 0; i < s.v.size(); i += 384) s.v[i] = 1000.0f;
      }
      const auto out = run(*backend_, c, {s}, {{kTokens}}, 1)[0];
      const auto expected = reference(c, s);
      for (std::size_t i = 0; i < out.size(); ++i) {
        const bool beside = type == KvType::kQ16 || i % 128 < 32;  // they share a scale
        const double largest = single && beside ? 1000.0 : 3.0;
        // Equal weights all round the same way: half a code of 65500 / 64. q8: half a step of 127.
        const double rounding = 0.5 * 64 / 65500 + (type == KvType::kQ16 ? 5e-5 : 5e-3);
        ASSERT_NEAR(out[i], expected[i], largest * rounding) << i;
      }
    }
  }
}

HOLDFAST_EVERY_ISA(AttentionTest);

}  // namespace
}  // namespace holdfast
