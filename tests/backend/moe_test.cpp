// Routing and experts against a plain rendering of the published formulas in double precision.
#include <algorithm>

#include "backend/cpu/routing.h"
#include "backend_fixture.h"

namespace holdfast {
namespace {

using cpu::Choice;
using cpu::route;

std::vector<int32_t> experts_of(std::vector<float> logits, const std::vector<float>& bias,
                                const MoeParams& params) {
  std::vector<Choice> chosen(static_cast<std::size_t>(params.used));
  route(logits, bias.empty() ? nullptr : bias.data(), params, chosen);
  std::vector<int32_t> experts;
  for (const Choice& choice : chosen) experts.push_back(choice.expert);
  return experts;
}

TEST(Routing, BestFirstAndTiesToTheLowerIndex) {
  EXPECT_EQ(experts_of({1, 3, 2, 3, 0}, {}, {.used = 3}), (std::vector<int32_t>{1, 3, 2}));
}

TEST(Routing, BiasCountsForTheChoiceOnly) {
  std::vector<float> logits{0.0f, 2.0f, -1.0f};
  const std::vector<float> bias{0.0f, -5.0f, 1.0f};
  std::vector<Choice> chosen(2);
  route(logits, bias.data(), {.used = 2, .sigmoid = true}, chosen);
  EXPECT_EQ(chosen[0].expert, 2);
  EXPECT_EQ(chosen[1].expert, 0);
  EXPECT_NEAR(chosen[0].weight, 1 / (1 + std::exp(1.0)), 1e-6);
  EXPECT_NEAR(chosen[1].weight, 0.5, 1e-6);
}

TEST(Routing, GroupsByBestOrByTwoBest) {
  // Groups {9, 0}, {6, 5}, {1, 1}: the first wins by its best, the second by its two best.
  const std::vector<float> logits{9, 0, 6, 5, 1, 1};
  MoeParams params{.used = 2, .groups = 3, .used_groups = 1};
  EXPECT_EQ(experts_of(logits, {}, params), (std::vector<int32_t>{0, 1}));
  const std::vector<float> bias{-8.5f, 0.0f, -5.0f,
                                -4.0f, 0.0f, 0.0f};  // sums: ~-7.5, ~-7, 2 x .73
  params.sigmoid = params.group_score_top2 = true;
  EXPECT_EQ(experts_of(logits, bias, params), (std::vector<int32_t>{4, 5}));
}

TEST(Routing, WeightsAreNormalizedAndScaled) {
  std::vector<float> logits{1, 2, 3, 4};
  std::vector<Choice> chosen(2);
  route(logits, nullptr, {.used = 2, .normalize_weights = true, .weight_scale = 2.5f}, chosen);
  EXPECT_NEAR(chosen[0].weight + chosen[1].weight, 2.5, 1e-6);
  EXPECT_NEAR(chosen[0].weight / chosen[1].weight, std::exp(1.0), 1e-5);
}

TEST(Routing, NanChoosesSomething) {
  EXPECT_EQ(experts_of({NAN, NAN, NAN}, {}, {.used = 2}).size(), 2U);
}

struct Moe {
  int32_t experts = 8, hidden = 48, ffn = 40;
  std::vector<float> router, bias;
  std::vector<std::vector<float>> gate, up, down;

  explicit Moe(Random& random) {
    router = random.normal(experts * hidden, 0.3f);
    bias = random.normal(experts, 0.1f);
    for (int32_t e = 0; e < experts; ++e) {
      gate.push_back(random.normal(ffn * hidden, 0.2f));
      up.push_back(random.normal(ffn * hidden, 0.2f));
      down.push_back(random.normal(hidden * ffn, 0.2f));
    }
  }
  MoeWeights prepare(Backend& backend) const {
    MoeWeights weights;
    weights.router = *backend.prepare(f32_view(router, experts));
    weights.correction_bias = backend.prepare_vector(bias);
    for (std::size_t e = 0; e < gate.size(); ++e) {
      weights.experts.push_back({*backend.prepare(f32_view(gate[e], ffn)),
                                 *backend.prepare(f32_view(up[e], ffn)),
                                 *backend.prepare(f32_view(down[e], hidden))});
    }
    return weights;
  }
};

std::vector<double> times(const std::vector<float>& w, const std::vector<double>& x) {
  std::vector<double> y(w.size() / x.size());
  for (std::size_t i = 0; i < w.size(); ++i) y[i / x.size()] += w[i] * x[i % x.size()];
  return y;
}

class MoeTest : public IsaTest {};

TEST_P(MoeTest, SumsTheChosenExpertsOntoOut) {
  Random random(1);
  const Moe moe(random);
  const MoeWeights weights = moe.prepare(*backend_);
  const MoeParams params{.used = 3,
                         .groups = 4,
                         .used_groups = 2,
                         .sigmoid = true,
                         .group_score_top2 = true,
                         .normalize_weights = true,
                         .weight_scale = 2.5f};
  const int64_t rows = 23;
  auto x = random.normal(rows * moe.hidden);
  auto out = random.normal(rows * moe.hidden);
  const auto before = out;
  backend_->begin_step();
  backend_->moe(mat(x, rows), weights, params, mat(out, rows));
  backend_->end_step();
  for (int64_t r = 0; r < rows; ++r) {
    const std::vector<double> row(x.begin() + r * moe.hidden, x.begin() + (r + 1) * moe.hidden);
    const auto logits = times(moe.router, row);
    std::vector<float> scores(logits.begin(), logits.end());
    std::vector<Choice> chosen(3);
    route(scores, moe.bias.data(), params, chosen);
    std::vector<double> expected(before.begin() + r * moe.hidden,
                                 before.begin() + (r + 1) * moe.hidden);
    for (const Choice& choice : chosen) {
      const auto e = static_cast<std::size_t>(choice.expert);
      auto hidden = times(moe.gate[e], row);
      const auto up = times(moe.up[e], row);
      for (std::size_t i = 0; i < hidden.size(); ++i) {
        hidden[i] = hidden[i] / (1 + std::exp(-hidden[i])) * up[i];
      }
      const auto y = times(moe.down[e], hidden);
      for (std::size_t i = 0; i < y.size(); ++i) expected[i] += choice.weight * y[i];
    }
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(out[static_cast<std::size_t>(r * moe.hidden) + i], expected[i], 2e-5) << r;
    }
  }
}

TEST_P(MoeTest, SameBytesAloneAndInABatch) {
  Random random(2);
  const Moe moe(random);
  const MoeWeights weights = moe.prepare(*backend_);
  const MoeParams params{.used = 2};
  const int64_t rows = 31;
  auto x = random.normal(rows * moe.hidden);
  std::vector<float> together(x.size(), 0.0f), alone(x.size(), 0.0f);
  backend_->begin_step();
  backend_->moe(mat(x, rows), weights, params, mat(together, rows));
  backend_->end_step();
  const auto one_thread = backend_of(GetParam(), 1);
  const MoeWeights weights1 = moe.prepare(*one_thread);
  for (int64_t r = 0; r < rows; ++r) {
    one_thread->begin_step();
    const auto part = [&](std::vector<float>& m) {
      return Mat{m.data() + r * moe.hidden, 1, moe.hidden, moe.hidden};
    };
    one_thread->moe(part(x), weights1, params, part(alone));
    one_thread->end_step();
  }
  EXPECT_TRUE(same_bytes(together, alone));
}

HOLDFAST_EVERY_ISA(MoeTest);

}  // namespace
}  // namespace holdfast
