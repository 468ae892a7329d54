// Tiny random BERTs against transformers (tests/golden/embeddings), end to end: text in, vectors
// out.
#include <cmath>
#include <future>
#include <map>

#include <gtest/gtest.h>
#include <simdjson.h>

#include "backend/cpu/cpu_backend.h"
#include "engine/served_embedder.h"
#include "text/tokenizer.h"

namespace holdfast {
namespace {

const std::string kFolder = HOLDFAST_SOURCE_DIR "/tests/golden/embeddings";

std::unique_ptr<ServedEmbedder> load(const std::string& path, int threads = 2,
                                     std::optional<Pooling> pooling = {}) {
  auto backend = make_cpu_backend({.threads = threads});
  ServedEmbedderOptions options;
  options.pooling = pooling;
  auto model = ServedEmbedder::load(path, std::move(backend).value(), options);
  EXPECT_TRUE(model.has_value()) << to_string(model.error());
  return std::move(model).value();
}

Vectors vectors_of(ServedEmbedder& model, const std::vector<EmbeddingText>& texts,
                   bool truncate = false) {
  auto job = model.embed(texts, truncate);
  EXPECT_TRUE(job.has_value()) << to_string(job.error());
  return (*job)->take().value();
}

class EmbeddingTest : public ::testing::Test {
 protected:
  EmbeddingTest() : expected_(parser_.load(kFolder + "/expected.json").value()) {
    for (const auto item : expected_["texts"].get_array()) {
      texts_.emplace_back(std::string(item["text"].get_string().value()));
    }
  }

  // Embeddings of all texts: the largest difference from what transformers has.
  double difference(const Vectors& got, const char* kind) {
    double largest = 0;
    std::size_t i = 0;
    for (const auto item : expected_["texts"].get_array()) {
      std::size_t d = 0;
      for (const double value : item[kind].get_array()) {
        largest = std::max(largest, std::fabs(value - double{got[i][d++]}));
      }
      EXPECT_EQ(d, got[i++].size());
    }
    return largest;
  }

  simdjson::dom::parser parser_;
  simdjson::dom::element expected_;
  std::vector<EmbeddingText> texts_;
};

TEST_F(EmbeddingTest, MeanOfTransformers) {
  const auto model = load(kFolder + "/bert");
  EXPECT_EQ(model->dimensions(), 36);
  EXPECT_EQ(model->context(), 48);  // of sentence_bert_config.json
  EXPECT_FALSE(model->reranks());
  // Values of length-1 vectors; two layers in float32.
  EXPECT_LT(difference(vectors_of(*model, texts_), "mean"), 2e-6);
}

TEST_F(EmbeddingTest, FirstTokenOfTransformers) {
  const auto model = load(kFolder + "/bert_cls");  // vocab.txt, names behind "bert."
  EXPECT_LT(difference(vectors_of(*model, texts_), "cls"), 2e-5);
}

TEST_F(EmbeddingTest, TokensOfTransformers) {
  for (const char* folder : {"bert", "bert_cls"}) {
    const auto file = ModelFile::open(kFolder + "/" + folder);
    ASSERT_TRUE(file.has_value()) << to_string(file.error());
    const auto tokenizer = Tokenizer::create((*file)->tokenizer());
    ASSERT_TRUE(tokenizer.has_value()) << to_string(tokenizer.error());
    EXPECT_TRUE((*tokenizer)->joins_pairs());
    for (const auto item : expected_["texts"].get_array()) {
      const std::string text(item["text"].get_string().value());
      auto tokens = (*tokenizer)->encode(text, Special::kAsText, true);
      tokens.push_back((*tokenizer)->sep().value());
      std::vector<int32_t> expected;
      for (const int64_t id : item["tokens"].get_array()) {
        expected.push_back(static_cast<int32_t>(id));
      }
      EXPECT_EQ(tokens, expected) << text;
    }
  }
}

TEST_F(EmbeddingTest, ScoresOfTransformers) {
  const auto model = load(kFolder + "/cross_encoder");
  EXPECT_TRUE(model->reranks());
  std::vector<std::string> documents;
  std::vector<double> logits;
  int64_t tokens = 0;
  for (const auto item : expected_["scores"].get_array()) {
    documents.emplace_back(item["document"].get_string().value());
    logits.push_back(item["logit"].get_double().value());
    tokens += static_cast<int64_t>(item["tokens"].get_array().size());
  }
  const auto job = model->rank(std::string(expected_["query"].get_string().value()), documents);
  ASSERT_TRUE(job.has_value()) << to_string(job.error());
  EXPECT_EQ((*job)->tokens(), tokens);
  const Vectors got = (*job)->take().value();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    ASSERT_EQ(got[i].size(), 1U);
    EXPECT_NEAR(got[i][0], logits[i], 2e-5);
  }
  EXPECT_NEAR(relevance(0.0f), 0.5, 1e-7);
  EXPECT_NEAR(relevance(2.0f), 0.880797, 1e-6);
}

TEST_F(EmbeddingTest, AloneOrInACrowdTheSameBytes) {
  const auto model = load(kFolder + "/bert");
  const auto one_thread = load(kFolder + "/bert", 1);
  std::map<std::size_t, std::vector<float>> alone;
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    alone[i] = vectors_of(*one_thread, {texts_[i]}).front();
  }
  // Several requests at once, some of them many batches long, one dropped on the way.
  std::vector<std::shared_ptr<VectorJob>> jobs;
  for (std::size_t round = 0; round < 8; ++round) {
    std::vector<EmbeddingText> texts;
    for (std::size_t i = 0; i < 100 * (round % 3 + 1); ++i) {
      texts.push_back(texts_[(i * 7 + round) % texts_.size()]);
    }
    jobs.push_back(model->embed(texts, false).value());
    if (round == 4) jobs.back().reset();
  }
  for (std::size_t round = 0; round < jobs.size(); ++round) {
    if (jobs[round] == nullptr) continue;
    const Vectors got = jobs[round]->take().value();
    ASSERT_EQ(got.size(), 100 * (round % 3 + 1));
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i], alone[(i * 7 + round) % texts_.size()]) << round << ", " << i;
    }
  }
  EXPECT_EQ(model->stats().waiting, 0);
}

TEST_F(EmbeddingTest, TellsWhenItIsReady) {
  const auto model = load(kFolder + "/bert");
  const auto job = model->embed(texts_, false).value();
  std::promise<void> woken;
  job->on_ready([&] { woken.set_value(); });
  woken.get_future().wait();
  EXPECT_TRUE(job->try_take().has_value());
  EXPECT_FALSE(job->try_take().has_value());
}

TEST_F(EmbeddingTest, JobsEndWithTheirModel) {
  auto model = load(kFolder + "/bert");
  const std::vector<EmbeddingText> many(5000, texts_[0]);
  const auto job = model->embed(many, false).value();
  model.reset();
  const auto result = job->take();
  if (!result) {
    EXPECT_EQ(result.error().code, Code::kUnavailable);
  }
}

TEST_F(EmbeddingTest, RefusesWhatItCannotRead) {
  const auto model = load(kFolder + "/bert");
  const auto error_of = [&](const EmbeddingText& text) {
    return model->embed({text}, false).error();
  };
  EXPECT_EQ(error_of(std::string()).code, Code::kInvalidArgument);
  EXPECT_EQ(error_of(std::vector<int32_t>{2, 100000}).code, Code::kInvalidArgument);
  EXPECT_EQ(error_of(std::vector<int32_t>{2, -1}).code, Code::kInvalidArgument);
  std::string text = "a";
  for (int i = 1; i < 46; ++i) text += " a";
  EXPECT_TRUE(model->embed({text}, false).has_value());  // with [CLS] and [SEP]: 48
  text += " a";
  EXPECT_EQ(error_of(text).where, kContextLength);
  EXPECT_EQ(vectors_of(*model, {text}, true), vectors_of(*model, {text + " b"}, true));
  EXPECT_EQ(vectors_of(*model, {std::vector<int32_t>{2, 5, 3}}), vectors_of(*model, {"a"}));
  EXPECT_EQ(model->rank("a", {"b"}).error().code, Code::kUnimplemented);

  const auto reranker = load(kFolder + "/cross_encoder");
  EXPECT_EQ(reranker->embed({"a"}, false).error().code, Code::kUnimplemented);
  EXPECT_EQ(reranker->rank(std::string(200, '!'), {"b"}).error().where, kContextLength);
  EXPECT_TRUE(reranker->rank("a", {}).value()->take().value().empty());
}

TEST_F(EmbeddingTest, AnEncoderGeneratesNothing) {
  const auto backend = make_cpu_backend({.threads = 1}).value();
  const auto file = ModelFile::open(kFolder + "/bert").value();
  const auto model = load_model(*file, *backend);
  ASSERT_FALSE(model.has_value());
  EXPECT_NE(model.error().message.find("encoder"), std::string::npos);
}

TEST(Shorten, KeepsTheDirectionOfTheFirstDimensions) {
  std::vector<float> vector{3, 4, 12};
  shorten(vector, 2);
  EXPECT_EQ(vector, (std::vector<float>{0.6f, 0.8f}));
}

}  // namespace
}  // namespace holdfast
