// Perplexity and divergence against the plainest computation of both from all logits.
#include "model/evaluation.h"

#include <cmath>

#include <gtest/gtest.h>

#include "backend/cpu/cpu_backend.h"
#include "golden_model.h"

namespace holdfast {
namespace {

class EvaluationTest : public testing::Test {
 protected:
  void SetUp() override {
    write_hugging_face(golden_, folder_.path());
    file_ = *ModelFile::open(folder_.path().string());
    backend_ = *make_cpu_backend({.threads = 1});
    model_ = *load_model(*file_, *backend_);
    for (const GoldenPrompt& prompt : golden_.prompts) {
      tokens_.insert(tokens_.end(), prompt.tokens.begin(), prompt.tokens.end());
      tokens_.insert(tokens_.end(), prompt.greedy.begin(), prompt.greedy.end());
    }
  }

  const Golden golden_ = read_golden("qwen2");
  const TemporaryFolder folder_;
  std::shared_ptr<const ModelFile> file_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Model> model_;
  std::vector<int32_t> tokens_;  // 265
};

TEST_F(EvaluationTest, PerplexityIsThatOfTheSecondHalves) {
  const auto session = *Session::create(*model_, *backend_, {.context = 100});
  double loss = 0.0;
  int count = 0;
  for (std::size_t chunk = 0; chunk < 2; ++chunk) {
    std::vector<int32_t> text(tokens_.begin() + static_cast<std::ptrdiff_t>(chunk * 100),
                              tokens_.begin() + static_cast<std::ptrdiff_t>(chunk * 100 + 100));
    text[0] = 1;
    session->reset(0);
    const SessionInput input[] = {{0, text, 100}};
    session->step(input, [&](std::span<const float> logits) {
      for (std::size_t row = 50; row < 99; ++row, ++count) {
        double sum = 0.0;
        for (std::size_t v = 0; v < 256; ++v) sum += std::exp(double{logits[row * 256 + v]});
        loss += std::log(sum) - logits[row * 256 + static_cast<std::size_t>(text[row + 1])];
      }
    });
  }
  double last_share = 0.0;
  const auto result = measure_perplexity(
      *model_, *backend_, tokens_,
      {.context = 100, .bos = 1, .progress = [&](double share, double) { last_share = share; }});
  ASSERT_TRUE(result) << to_string(result.error());
  EXPECT_EQ(result->tokens, count);
  EXPECT_EQ(count, 98);
  EXPECT_NEAR(result->perplexity / std::exp(loss / count), 1.0, 1e-6);
  EXPECT_GT(result->standard_error, 0.0);
  EXPECT_EQ(last_share, 1.0);
}

TEST_F(EvaluationTest, ScoresAsManyChunksAsAsked) {
  const auto head = std::span(tokens_).first(128);
  const auto some = measure_perplexity(*model_, *backend_, tokens_, {.context = 64, .chunks = 2});
  const auto whole = measure_perplexity(*model_, *backend_, head, {.context = 64});
  EXPECT_EQ(some->perplexity, whole->perplexity);
  EXPECT_EQ(some->tokens, whole->tokens);
}

TEST_F(EvaluationTest, AModelDoesNotDivergeFromItself) {
  const auto result =
      measure_divergence(*model_, *backend_, *model_, *backend_, tokens_, {.context = 64});
  ASSERT_TRUE(result) << to_string(result.error());
  EXPECT_EQ(result->mean_kl, 0.0);
  EXPECT_EQ(result->p99_kl, 0.0);
  EXPECT_EQ(result->top1_agreement, 1.0);
  EXPECT_EQ(result->tokens, 4 * 31);
}

TEST_F(EvaluationTest, DivergesFromAnotherModel) {
  Golden other = golden_;
  other.seed += 1;
  const TemporaryFolder folder;
  write_hugging_face(other, folder.path());
  const auto file = *ModelFile::open(folder.path().string());
  const auto model = *load_model(*file, *backend_);
  const auto result =
      measure_divergence(*model, *backend_, *model_, *backend_, tokens_, {.context = 64});
  ASSERT_TRUE(result) << to_string(result.error());
  EXPECT_GT(result->mean_kl, 0.5);
  EXPECT_GT(result->p99_kl, result->mean_kl);
  EXPECT_LT(result->top1_agreement, 0.5);
}

TEST_F(EvaluationTest, AShortTextIsRefusedWithItsLength) {
  const auto result =
      measure_perplexity(*model_, *backend_, std::span(tokens_).first(100), {.context = 64});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kInvalidArgument);
  EXPECT_NE(result.error().message.find("100"), std::string::npos);
}

TEST_F(EvaluationTest, TokensTheModelLacksAreRefused) {
  tokens_[7] = 256;
  EXPECT_FALSE(measure_perplexity(*model_, *backend_, tokens_, {.context = 64}));
}

}  // namespace
}  // namespace holdfast
