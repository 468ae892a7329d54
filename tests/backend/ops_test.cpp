// The operations over rows against the same in double precision.
#include "backend_fixture.h"

namespace holdfast {
namespace {

class OpsTest : public IsaTest {};

// Relative to the size of the values: a few units of float32's last place.
void expect_close(std::span<const float> got, const std::vector<double>& expected,
                  double tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], expected[i], tolerance * (1.0 + std::fabs(expected[i]))) << i;
  }
}

std::vector<double> normed(std::span<const float> x, std::span<const float> weight, double eps) {
  double sum = 0;
  for (const float value : x) sum += double{value} * value;
  const double scale = 1.0 / std::sqrt(sum / static_cast<double>(x.size()) + eps);
  std::vector<double> out;
  for (std::size_t i = 0; i < x.size(); ++i) out.push_back(x[i] * scale * weight[i]);
  return out;
}

TEST_P(OpsTest, RmsNorm) {
  Random random(1);
  for (const int64_t n : {1, 5, 16, 63, 576, 1536, 4100}) {
    const int64_t rows = 19;
    auto x = random.normal(rows * n);
    const auto weight = random.normal(n);
    const auto vector = backend_->prepare_vector(weight);
    std::vector<float> out(x.size());
    backend_->begin_step();
    backend_->rms_norm(mat(x, rows), *vector, 1e-6f, mat(out, rows));
    backend_->end_step();
    for (int64_t r = 0; r < rows; ++r) {
      const auto at = static_cast<std::size_t>(r * n), count = static_cast<std::size_t>(n);
      expect_close(std::span(out).subspan(at, count),
                   normed(std::span(x).subspan(at, count), weight, 1e-6), 2e-6);
    }
  }
}

TEST_P(OpsTest, LayerNorm) {
  Random random(31);
  for (const int64_t n : {1, 3, 16, 63, 384, 1536}) {
    const int64_t rows = 11;
    auto x = random.normal(rows * n);
    for (float& value : x) value += 3.0f;  // a mean that must be taken off
    const auto weight = random.normal(n), bias = random.normal(n);
    const auto before = x;
    backend_->begin_step();
    backend_->layer_norm(mat(x, rows), *backend_->prepare_vector(weight),
                         *backend_->prepare_vector(bias), 1e-5f, mat(x, rows));
    backend_->end_step();
    for (int64_t r = 0; r < rows; ++r) {
      const auto at = static_cast<std::size_t>(r * n), count = static_cast<std::size_t>(n);
      const auto row = std::span(before).subspan(at, count);
      double mean = 0, variance = 0;
      for (const float value : row) mean += value / static_cast<double>(n);
      for (const float value : row) variance += (value - mean) * (value - mean);
      const double scale = 1.0 / std::sqrt(variance / static_cast<double>(n) + 1e-5);
      std::vector<double> expected;
      for (std::size_t i = 0; i < count; ++i) {
        expected.push_back((row[i] - mean) * scale * weight[i] + bias[i]);
      }
      // A mean of 3 with a deviation of 1 costs a few more units.
      expect_close(std::span(x).subspan(at, count), expected, n == 1 ? 1e-3 : 1e-5);
    }
  }
}

TEST_P(OpsTest, GeluAndTanh) {
  std::vector<float> x;
  for (int i = -4000; i <= 4000; ++i) x.push_back(static_cast<float>(i) / 200.0f);
  x.insert(x.end(), {1e-30f, -1e-30f, 0.0f, 100.0f, -100.0f, 1e20f, -1e20f});
  std::vector<float> gelu(x.size()), tanh(x.size());
  backend_->begin_step();
  backend_->gelu(mat(x, 1), mat(gelu, 1));
  backend_->tanh(mat(x, 1), mat(tanh, 1));
  backend_->end_step();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double exact = 0.5 * double{x[i]} * std::erfc(-double{x[i]} / std::sqrt(2.0));
    // The formula's 1.5e-7 of erfc, halved, times |x|, and float32's rounding.
    ASSERT_NEAR(gelu[i], exact, 1e-7 * (1.0 + 2.0 * std::fabs(x[i]))) << x[i];
    ASSERT_NEAR(tanh[i], std::tanh(double{x[i]}), 2e-7) << x[i];
  }
}

std::vector<double> attended(std::span<const float> q, std::span<const float> k,
                             std::span<const float> v, const RowRange& text, int32_t row,
                             int32_t head, const AttentionParams& p) {
  const auto at = [&](std::span<const float> x, int32_t r, int32_t heads, int32_t h) {
    return x.subspan(static_cast<std::size_t>((r * heads + h) * p.head_dim),
                     static_cast<std::size_t>(p.head_dim));
  };
  const int32_t kv_head = head / (p.heads / p.kv_heads);
  std::vector<double> out(static_cast<std::size_t>(p.head_dim));
  double sum = 0;
  for (int32_t t = text.begin; t < text.end; ++t) {
    double score = 0;
    for (std::size_t d = 0; d < out.size(); ++d) {
      score += double{at(q, row, p.heads, head)[d]} * at(k, t, p.kv_heads, kv_head)[d];
    }
    const double weight = std::exp(score * p.scale);
    sum += weight;
    for (std::size_t d = 0; d < out.size(); ++d) {
      out[d] += weight * at(v, t, p.kv_heads, kv_head)[d];
    }
  }
  for (double& value : out) value /= sum;
  return out;
}

TEST_P(OpsTest, FullAttentionSeesTheWholeTextAndNothingElse) {
  Random random(33);
  const AttentionParams params{6, 3, 20, 0.2f};
  const RowRange texts[] = {{0, 1}, {1, 34}, {34, 66}, {66, 700}, {700, 703}};
  const int32_t rows = 703;
  auto q = random.normal(rows * params.heads * params.head_dim);
  auto k = random.normal(rows * params.kv_heads * params.head_dim);
  auto v = random.normal(rows * params.kv_heads * params.head_dim);
  std::vector<float> out(q.size());
  backend_->begin_step();
  backend_->full_attention(mat(q, rows), mat(k, rows), mat(v, rows), texts, params, mat(out, rows));
  backend_->end_step();
  for (const RowRange& text : texts) {
    for (const int32_t row : {text.begin, (text.begin + text.end) / 2, text.end - 1}) {
      for (int32_t head = 0; head < params.heads; ++head) {
        const auto got = std::span(out).subspan(
            static_cast<std::size_t>((row * params.heads + head) * params.head_dim),
            static_cast<std::size_t>(params.head_dim));
        expect_close(got, attended(q, k, v, text, row, head, params), 3e-6);
      }
    }
  }
  // Alone, and on one thread: the same bytes.
  const auto alone = backend_of(GetParam(), 1);
  for (const RowRange& text : texts) {
    const int64_t count = text.end - text.begin;
    const auto part = [&](std::vector<float>& x) {
      const Mat whole = mat(x, rows);
      return Mat{whole.data + text.begin * whole.stride, count, whole.cols, whole.stride};
    };
    std::vector<float> again(static_cast<std::size_t>(count) * q.size() / rows);
    const RowRange all[] = {{0, text.end - text.begin}};
    alone->begin_step();
    alone->full_attention(part(q), part(k), part(v), all, params, mat(again, count));
    alone->end_step();
    ASSERT_TRUE(same_bytes(
        again, std::span(out).subspan(static_cast<std::size_t>(text.begin) * q.size() / rows,
                                      again.size())));
  }
}

TEST_P(OpsTest, HeadRmsNormInPlace) {
  Random random(2);
  const int32_t heads = 6, dim = 40, rows = 5;
  auto x = random.normal(rows * heads * dim);
  const auto before = x;
  const auto weight = random.normal(dim);
  backend_->begin_step();
  backend_->head_rms_norm(mat(x, rows), heads, *backend_->prepare_vector(weight), 1e-5f);
  backend_->end_step();
  for (std::size_t part = 0; part < rows * heads; ++part) {
    expect_close(std::span(x).subspan(part * dim, dim),
                 normed(std::span(before).subspan(part * dim, dim), weight, 1e-5), 2e-6);
  }
}

TEST_P(OpsTest, Rope) {
  Random random(3);
  for (const bool interleaved : {false, true}) {
    for (const int32_t dim : {8, 64, 20, 128}) {
      const int32_t heads = 3, offset = 4, head_dim = dim + 7, rows = 6;
      RopeTable table{interleaved, dim, {}, 1.25f};
      for (int32_t i = 0; i < dim / 2; ++i) {
        table.inverse_frequencies.push_back(
            static_cast<float>(std::pow(10000.0, -2.0 * i / static_cast<double>(dim))));
      }
      auto x = random.normal(rows * heads * head_dim);
      const auto before = x;
      const std::vector<int32_t> positions{0, 1, 77, 4095, 32768, 131071};
      backend_->begin_step();
      backend_->rope(mat(x, rows), heads, head_dim, offset, table, positions);
      backend_->end_step();
      std::vector<double> expected(before.begin(), before.end());
      for (int32_t part = 0; part < rows * heads; ++part) {
        for (int32_t i = 0; i < dim / 2; ++i) {
          const auto base = static_cast<std::size_t>(part * head_dim + offset);
          const std::size_t a = base + static_cast<std::size_t>(interleaved ? 2 * i : i);
          const std::size_t b =
              base + static_cast<std::size_t>(interleaved ? 2 * i + 1 : i + dim / 2);
          // transformers multiplies in float32; the rest is exact here.
          const float angle =
              static_cast<float>(positions[static_cast<std::size_t>(part / heads)]) *
              table.inverse_frequencies[static_cast<std::size_t>(i)];
          const double c = std::cos(double{angle}) * 1.25, s = std::sin(double{angle}) * 1.25;
          expected[a] = before[a] * c - before[b] * s;
          expected[b] = before[b] * c + before[a] * s;
        }
      }
      expect_close(x, expected, 5e-7);
    }
  }
}

TEST_P(OpsTest, SwiGlu) {
  Random random(4);
  for (const int64_t n : {1, 17, 4096, 9000}) {
    const int64_t rows = 3;
    auto gate = random.normal(rows * n, 8.0f), up = random.normal(rows * n);
    gate[0] = 200.0f;
    gate[gate.size() - 1] = -200.0f;
    std::vector<double> expected;
    for (std::size_t i = 0; i < gate.size(); ++i) {
      expected.push_back(gate[i] / (1.0 + std::exp(-double{gate[i]})) * up[i]);
    }
    backend_->begin_step();
    backend_->swiglu(mat(gate, rows), mat(up, rows), mat(gate, rows));
    backend_->end_step();
    expect_close(gate, expected, 1e-6);
  }
}

TEST_P(OpsTest, AddCopyGatherRead) {
  Random random(5);
  const int64_t rows = 9, cols = 1001;
  auto x = random.normal(rows * cols);
  const auto before = x;
  auto y = random.normal(rows * cols);
  backend_->begin_step();
  backend_->add(mat(x, rows), mat(y, rows));
  for (std::size_t i = 0; i < x.size(); ++i) ASSERT_EQ(x[i], before[i] + y[i]);

  const Mat wide = backend_->scratch(rows, cols + 5);
  backend_->copy(mat(x, rows), wide.columns(3, cols));
  const auto shown = backend_->read(wide.columns(3, cols));
  ASSERT_TRUE(same_bytes(shown, x));

  const std::vector<int32_t> picks{8, 0, 0, 3};
  const Mat picked = backend_->scratch(4, cols);
  backend_->gather_rows(mat(x, rows), picks, picked);
  const auto read = backend_->read(picked);
  for (std::size_t i = 0; i < picks.size(); ++i) {
    ASSERT_TRUE(same_bytes(read.subspan(i * cols, cols),
                           std::span(x).subspan(static_cast<std::size_t>(picks[i]) * cols, cols)));
  }
  backend_->end_step();
}

// Scratch of one step never overlaps, however it grows, and survives reuse.
TEST_P(OpsTest, ScratchIsApart) {
  for (int step = 0; step < 3; ++step) {
    backend_->begin_step();
    std::vector<Mat> mats;
    for (int i = 1; i < 40; ++i) {
      mats.push_back(backend_->scratch(i, 1000 * i));
      for (int64_t j = 0; j < mats.back().rows * mats.back().cols; ++j) {
        mats.back().data[j] = static_cast<float>(i);
      }
    }
    for (std::size_t i = 0; i < mats.size(); ++i) {
      const auto values = backend_->read(mats[i]);
      for (const float value : values) ASSERT_EQ(value, static_cast<float>(i + 1));
    }
    backend_->end_step();
  }
}

TEST_P(OpsTest, CopiedPageHoldsTheSameTokens) {
  for (const KvType type : {KvType::kF32, KvType::kQ16, KvType::kQ8}) {
    Random random(6);
    auto cache = backend_->make_kv_cache({.layers = 2,
                                          .page_tokens = 16,
                                          .pages = 3,
                                          .k_width = 64,
                                          .v_width = 64,
                                          .kv_heads = 2,
                                          .type = type});
    ASSERT_TRUE(cache.has_value());
    auto k = random.normal(10 * 64), v = random.normal(10 * 64), q = random.normal(10 * 128);
    const std::vector<int32_t> first{2}, second{0};
    SequenceSlice slice{0, 10, 0, first};
    Batch batch;
    batch.sequences = {&slice, 1};
    std::vector<float> a(10 * 128), b(10 * 128);
    backend_->begin_step();
    for (const int32_t layer : {0, 1}) {
      backend_->kv_append(**cache, layer, batch, mat(k, 10), mat(v, 10));
      (*cache)->copy_page(2, 0, 10);
      slice.pages = first;
      backend_->attention(mat(q, 10), **cache, layer, batch, {4, 2, 32, 0.2f}, mat(a, 10));
      slice.pages = second;
      backend_->attention(mat(q, 10), **cache, layer, batch, {4, 2, 32, 0.2f}, mat(b, 10));
      slice.pages = first;
      EXPECT_TRUE(same_bytes(a, b));
    }
    backend_->end_step();
  }
}

HOLDFAST_EVERY_ISA(OpsTest);

TEST(CpuBackend, RefusesUnknownInstructionSets) {
  const auto backend = make_cpu_backend({.threads = 1, .isa = "mmx"});
  ASSERT_FALSE(backend.has_value());
  EXPECT_EQ(backend.error().code, Code::kInvalidArgument);
  EXPECT_FALSE(make_cpu_backend({.threads = -1}).has_value());
}

}  // namespace
}  // namespace holdfast
