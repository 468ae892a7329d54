// One request gives the same bytes alone, beside fifteen others, with one thread or two, its prompt
// whole or in chunks, found in the prefix tree or computed, preempted or not: with real models and
// kernels.
#include <cstring>
#include <filesystem>
#include <random>

#include <gtest/gtest.h>

#include "../model/golden_model.h"
#include "backend/cpu/cpu_backend.h"
#include "engine/engine.h"

namespace holdfast {
namespace {

struct Answer {
  std::vector<int32_t> tokens;
  std::vector<float> logprobs;
  int32_t cached_tokens = 0;
};

Answer collect(Stream& stream) {
  Answer answer;
  while (true) {
    const GenerationEvent event = stream.next();
    if (event.end) {
      EXPECT_FALSE(event.error.has_value());
      answer.cached_tokens = event.usage.cached_tokens;
      return answer;
    }
    answer.tokens.push_back(event.token);
    answer.logprobs.push_back(event.logprob.logprob);
    for (const TokenLogprob& t : event.alternatives) {
      answer.logprobs.push_back(static_cast<float>(t.token));
      answer.logprobs.push_back(t.logprob);
    }
  }
}

// A model in a backend of so many threads.
struct Loaded {
  std::shared_ptr<const ModelFile> file;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Model> model;
};

struct Case {
  const char* name;  // of a golden model; "demo": the shipped one
  KvType kv_type;
};

class SameBytes : public testing::TestWithParam<Case> {
 protected:
  Loaded load(int threads) {
    const std::string name = GetParam().name;
    std::string path = HOLDFAST_SOURCE_DIR "/models/demo/holdfast-demo.gguf";
    if (name != "demo") {
      path = (folder_.path() / "model.gguf").string();
      if (!std::filesystem::exists(path)) write_gguf(read_golden(name), path);
    }
    Loaded loaded;
    loaded.file = ModelFile::open(path).value();
    loaded.backend = make_cpu_backend({.threads = threads}).value();
    loaded.model = load_model(*loaded.file, *loaded.backend).value();
    return loaded;
  }

  std::unique_ptr<Engine> engine(Loaded& loaded, EngineOptions options) {
    options.kv_type = GetParam().kv_type;
    options.context = kContext;
    if (options.kv_bytes < 0) {  // so many pages
      KvSpec spec = loaded.model->kv_spec();
      spec.type = options.kv_type;
      options.kv_bytes *= -spec.bytes_per_token() * options.page_tokens;
    }
    return Engine::create(*loaded.model, *loaded.backend, options).value();
  }

  // Prompts of 1 to 60 tokens from few beginnings; greedy and sampled.
  static std::vector<GenerationRequest> requests(int32_t vocab) {
    std::mt19937 random(5);
    std::vector<GenerationRequest> out;
    for (int i = 0; i < 16; ++i) {
      GenerationRequest request;
      std::mt19937 beginning(random() % 3);
      for (uint32_t n = random() % 40; n > 0; --n)
        request.prompt.push_back(static_cast<int32_t>(beginning() % vocab));
      for (uint32_t n = 1 + random() % 20; n > 0; --n)
        request.prompt.push_back(static_cast<int32_t>(random() % vocab));
      request.max_tokens = static_cast<int32_t>(4 + random() % 8);
      request.sampling.temperature = i % 2 ? 0.9f : 0.0f;
      request.sampling.top_p = 0.95f;
      request.sampling.seed = random();
      request.logprobs = 3;
      out.push_back(std::move(request));
    }
    return out;
  }

  static void expect_same(const std::vector<Answer>& got, const std::vector<Answer>& want) {
    for (size_t i = 0; i < want.size(); ++i) {
      SCOPED_TRACE(i);
      ASSERT_EQ(got[i].tokens, want[i].tokens);
      ASSERT_EQ(got[i].logprobs.size(), want[i].logprobs.size());
      ASSERT_EQ(std::memcmp(got[i].logprobs.data(), want[i].logprobs.data(),
                            want[i].logprobs.size() * sizeof(float)),
                0);
    }
  }

  static std::vector<Answer> together(Engine& engine,
                                      const std::vector<GenerationRequest>& requests) {
    std::vector<std::unique_ptr<Stream>> streams;
    for (const auto& request : requests) streams.push_back(engine.submit(request).value());
    std::vector<Answer> answers;
    for (auto& stream : streams) answers.push_back(collect(*stream));
    return answers;
  }

  static constexpr int32_t kContext = 128;
  TemporaryFolder folder_;
};

TEST_P(SameBytes, HoweverARequestRuns) {
  std::vector<Answer> alone;
  Loaded one = load(1);
  const auto all = requests(one.model->config().vocab);
  for (const auto& request : all) {
    auto fresh = engine(one, {.max_sequences = 1});
    alone.push_back(collect(*fresh->submit(request).value()));
  }

  Loaded two = load(2);
  for (Loaded* loaded : {&one, &two}) {
    SCOPED_TRACE(loaded->backend->describe());
    for (const int32_t step_tokens : {512, 17}) {
      if (loaded == &two && step_tokens == 512) continue;
      SCOPED_TRACE(step_tokens);
      auto crowd = engine(*loaded, {.max_sequences = 16, .step_tokens = step_tokens});
      expect_same(together(*crowd, all), alone);
      // Again: now the prompts are in the prefix tree.
      const auto again = together(*crowd, all);
      expect_same(again, alone);
      int32_t cached = 0;
      for (const Answer& answer : again) cached += answer.cached_tokens;
      EXPECT_GT(cached, 100);
    }
  }
  // Guesses change nothing, come true or not; the model guesses for itself, so many do.
  for (const Speculation speculation : {Speculation::kLookup, Speculation::kModel}) {
    EngineOptions options{.max_sequences = 3, .step_tokens = 40};
    options.speculation = speculation;
    options.draft = two.model.get();
    auto guessing = engine(two, options);
    expect_same(together(*guessing, all), alone);
    if (speculation == Speculation::kModel) {
      EXPECT_GT(guessing->stats().accepted_tokens, 20u);
    }
  }
  auto tight = engine(two, {.max_sequences = 16, .kv_bytes = -20, .page_tokens = 8});
  expect_same(together(*tight, all), alone);
  EXPECT_GT(tight->stats().preemptions, 0u);
}

INSTANTIATE_TEST_SUITE_P(Engine, SameBytes,
                         testing::Values(Case{"demo", KvType::kQ16}, Case{"demo", KvType::kQ8},
                                         Case{"qwen3", KvType::kF32},
                                         Case{"deepseek_v3", KvType::kQ16}));

}  // namespace
}  // namespace holdfast
