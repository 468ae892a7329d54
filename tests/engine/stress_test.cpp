// Random requests from many threads on the shipped model: of all lengths, with stops, priorities,
// tenants, deadlines, clients that leave, a line that refuses and a cache that is too small. Each
// accepted one must end exactly once; a sample of answers must be, byte for byte, what the request
// gives alone; and in the end no page may be missing.
//
// HOLDFAST_STRESS_REQUESTS says how many (600); HOLDFAST_STRESS_SEED which (1).
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <random>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "backend/cpu/cpu_backend.h"
#include "engine/served_model.h"

namespace holdfast {
namespace {

int number_from(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::atoi(text) : otherwise;
}

std::unique_ptr<ServedModel> load(const EngineOptions& engine) {
  ServedModelOptions options;
  options.engine = engine;
  return ServedModel::load(HOLDFAST_SOURCE_DIR "/models/demo/holdfast-demo.gguf",
                           make_cpu_backend({.threads = 1}).value(), options)
      .value();
}

struct Plan {
  bool chat = false;
  ChatRequest of_chat;
  CompletionRequest of_text;
  int32_t leaves_after = -1;  // events; -1: stays
  bool hurries = false;       // has a deadline

  Standing& standing() { return chat ? of_chat.options.standing : of_text.options.standing; }
  Result<std::unique_ptr<TextStream>> start(ServedModel& model) const {
    return chat ? model.chat(of_chat) : model.complete(of_text);
  }
};

Plan random_plan(std::mt19937& random) {
  const auto upto = [&](int32_t n) { return static_cast<int32_t>(random() % n); };
  Plan plan;
  plan.chat = upto(2) == 0;
  // Few beginnings, so that prefixes meet; now and then a long one.
  static const char* const kWords[] = {"seven ", "What is ",    "12 + 30 ",
                                       "换算 ",  "the valve, ", "?"};
  std::string text = kWords[upto(3)];
  for (int32_t n = upto(12) == 0 ? upto(110) : upto(20); n > 0; --n) text += kWords[upto(6)];
  if (plan.chat) {
    std::string& messages = plan.of_chat.messages_json;
    messages = "[";
    if (upto(2)) messages += R"({"role": "system", "content": "Be brief."},)";
    messages += R"({"role": "user", "content": ")";
    messages += text;
    messages += "\"}]";
  } else {
    plan.of_text.prompt = text;
    plan.of_text.echo = upto(4) == 0;
  }
  TextOptions options;
  options.max_tokens = upto(20) == 0 ? 1 + upto(300) : 1 + upto(40);
  options.seed = random();
  options.sampling.temperature = upto(2) ? 0.0f : 0.7f + 0.1f * static_cast<float>(upto(20));
  options.sampling.top_p = upto(2) ? 1.0f : 0.9f;
  options.sampling.top_k = upto(3) ? 0 : 1 + upto(50);
  options.sampling.frequency_penalty = upto(3) ? 0.0f : 0.5f;
  options.ignore_eos = upto(3) == 0;
  if (upto(4) == 0) options.stop = {std::string(1, static_cast<char>('0' + upto(10))), "the"};
  options.logprobs = upto(5) == 0 ? upto(4) : -1;
  options.cache_salt = options.standing.tenant = std::string(1, static_cast<char>('a' + upto(4)));
  options.standing.weight = 1 + upto(3);
  options.standing.priority = static_cast<Priority>(upto(3));
  if (upto(15) == 0) plan.leaves_after = upto(6);
  plan.hurries = upto(25) == 0;
  plan.of_chat.options = plan.of_text.options = std::move(options);
  return plan;
}

struct Outcome {
  std::string reasoning, content;
  int ends = 0;
  FinishReason finish = FinishReason::kError;
  bool refused = false, left = false, expired = false;

  bool operator==(const Outcome&) const = default;
};

Outcome run(ServedModel& model, const Plan& plan) {
  Outcome out;
  auto stream = plan.start(model);
  if (!stream) {
    EXPECT_TRUE(stream.error().code == Code::kUnavailable ||
                stream.error().code == Code::kResourceExhausted)
        << to_string(stream.error());
    EXPECT_TRUE(stream.error().hint.starts_with("try again")) << to_string(stream.error());
    out.refused = true;
    return out;
  }
  for (int32_t events = 0; out.ends == 0; ++events) {
    if (events == plan.leaves_after) {
      out.left = true;
      return out;
    }
    const TextEvent event = (*stream)->next();
    out.reasoning += event.reasoning;
    out.content += event.content;
    if (!event.end) continue;
    ++out.ends;
    out.finish = event.finish;
    if (event.error) {
      EXPECT_EQ(event.error->where, "deadline") << to_string(*event.error);
      out.expired = true;
    }
  }
  EXPECT_FALSE((*stream)->try_next().has_value());
  return out;
}

TEST(Stress, NothingIsLostAndNothingDiffers) {
  const int count = number_from("HOLDFAST_STRESS_REQUESTS", 600);
  const int seed = number_from("HOLDFAST_STRESS_SEED", 1);
  constexpr int kThreads = 24;
  EngineOptions options{.max_sequences = 12, .step_tokens = 96, .context = 512, .page_tokens = 16};
  options.max_waiting = 14;
  options.step_seconds = 0.004;
  // Pages for a few long sequences or a dozen short ones.
  options.kv_bytes = 8 << 20;
  auto model = load(options);
  const int32_t all = model->stats().pages_free;
  ASSERT_EQ(all, model->stats().pages_total);

  struct Kept {
    Plan plan;
    Outcome outcome;
  };
  std::mutex mutex;
  std::vector<Kept> sample;
  std::atomic<int> next = 0, ended = 0, refused = 0, left = 0, expired = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = next++; i < count; i = next++) {
        std::mt19937 random(static_cast<uint32_t>(seed * 1000003 + i));
        Plan plan = random_plan(random);
        if (plan.hurries) {
          plan.standing().deadline =
              std::chrono::steady_clock::now() + std::chrono::milliseconds(random() % 50);
        }
        Outcome outcome = run(*model, plan);
        for (; outcome.refused; outcome = run(*model, plan)) {  // comes again, as clients do
          ++refused;
          std::this_thread::sleep_for(std::chrono::milliseconds(1 + random() % 10));
          if (plan.hurries) plan.standing().deadline = {};
        }
        left += outcome.left;
        expired += outcome.expired;
        ended += outcome.ends;
        if (outcome.ends == 0 || outcome.expired || i % 8 != 0) continue;
        plan.standing() = {};
        const std::lock_guard lock(mutex);
        sample.push_back({std::move(plan), std::move(outcome)});
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(ended + left, count);
  EngineStats stats = model->stats();
  while (stats.running > 0 || stats.waiting > 0 || stats.waiting_tokens > 0) stats = model->stats();
  EXPECT_EQ(stats.pages_free, all);
  EXPECT_EQ(stats.waiting_tokens, 0);
  if (count >= 600) {
    EXPECT_GT(refused, 0);
    EXPECT_GT(left, 0);
    EXPECT_GT(stats.preemptions, 0u);
    EXPECT_GT(ended, count / 2);
  }
  model.reset();

  options = {.max_sequences = 1, .context = 512};
  options.kv_bytes = 64 << 20;
  const auto alone = load(options);
  ASSERT_FALSE(sample.empty());
  for (const Kept& kept : sample) EXPECT_EQ(run(*alone, kept.plan), kept.outcome);
}

}  // namespace
}  // namespace holdfast
