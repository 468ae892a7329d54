// The whole way from messages to text, with the shipped demonstration model.
#include "engine/served_model.h"

#include <condition_variable>
#include <mutex>

#include <gtest/gtest.h>

#include "backend/cpu/cpu_backend.h"

namespace holdfast {
namespace {

struct Text {
  std::string reasoning, content, logprobs, reasoning_logprobs;  // the latter: their tokens, joined
  TextEvent end;
};

Text collect(TextStream& stream) {
  Text text;
  while (true) {
    TextEvent event = stream.next();
    if (event.end) {
      EXPECT_TRUE(event.content.empty() && event.reasoning.empty() && event.logprobs.empty());
      text.end = std::move(event);
      return text;
    }
    text.reasoning += event.reasoning;
    text.content += event.content;
    for (const auto& l : event.logprobs) text.logprobs += l.chosen.token;
    for (const auto& l : event.reasoning_logprobs) text.reasoning_logprobs += l.chosen.token;
  }
}

class ServedModelTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ServedModelOptions options;
    options.engine.kv_bytes = 64 << 20;
    model_ = ServedModel::load(HOLDFAST_SOURCE_DIR "/models/demo/holdfast-demo.gguf",
                               make_cpu_backend({.threads = 1}).value(), options)
                 .value()
                 .release();
  }
  static void TearDownTestSuite() {
    delete model_;
    model_ = nullptr;
  }

  static ChatRequest ask(const std::string& question) {
    ChatRequest request;
    request.messages_json = R"([{"role": "user", "content": ")" + question + "\"}]";
    request.options.sampling.temperature = 0;
    request.options.max_tokens = 200;
    return request;
  }
  static Text chat(const ChatRequest& request) { return collect(*model_->chat(request).value()); }

  static ServedModel* model_;
};

ServedModel* ServedModelTest::model_ = nullptr;

TEST_F(ServedModelTest, SplitsThinkingFromAnswerAndCountsBoth) {
  const Text text = chat(ask("What is 12 + 30?"));
  EXPECT_EQ(text.content, "12 + 30 = 42");
  EXPECT_FALSE(text.reasoning.empty());
  EXPECT_EQ((text.reasoning + text.content).find("think>"), std::string::npos);
  EXPECT_EQ(text.end.finish, FinishReason::kStop);
  const Usage& usage = text.end.usage;
  EXPECT_GT(usage.prompt_tokens, 5);
  EXPECT_GT(usage.reasoning_tokens, 0);
  EXPECT_GT(usage.completion_tokens, usage.reasoning_tokens);
}

TEST_F(ServedModelTest, ThinksNoLongerThanItMay) {
  const Text whole = chat(ask("What is 12 + 30?"));
  const int32_t thought = whole.end.usage.reasoning_tokens;
  ASSERT_GT(thought, 6);
  EXPECT_EQ(whole.end.thinking_end, ThinkingEnd::kOwn);
  for (const int32_t budget : {1, 3, 6}) {
    ChatRequest request = ask("What is 12 + 30?");
    request.reasoning.budget = budget;
    const Text text = chat(request);
    EXPECT_EQ(text.end.thinking_end, ThinkingEnd::kBudget);
    EXPECT_TRUE(whole.reasoning.starts_with(text.reasoning)) << text.reasoning;
    EXPECT_GE(text.end.usage.reasoning_tokens, budget);
    EXPECT_LE(text.end.usage.reasoning_tokens, budget + 3) << "the closing tag counts";
    EXPECT_FALSE(text.content.empty());
    // Its logprobs are told as those of any token.
    request.options.logprobs = 0;
    EXPECT_NE(chat(request).reasoning_logprobs.find("</think>"), std::string::npos);
  }
  ChatRequest enough = ask("What is 12 + 30?");
  enough.reasoning.budget = thought + 1;
  EXPECT_EQ(chat(enough).reasoning, whole.reasoning);
}

TEST_F(ServedModelTest, DoesNotThinkWhenTold) {
  for (const bool by_budget : {false, true}) {
    ChatRequest request = ask("What is 12 + 30?");
    if (by_budget) request.reasoning.budget = 0;
    if (!by_budget) request.reasoning.enabled = false;
    EXPECT_TRUE(model_->render_prompt(request).value().ends_with("<think>\n\n</think>\n\n"));
    const Text text = chat(request);
    EXPECT_EQ(text.reasoning, "");
    EXPECT_EQ(text.end.usage.reasoning_tokens, 0);
    EXPECT_FALSE(text.content.empty());
  }
  ChatRequest request = ask("What is 12 + 30?");
  const std::string usual = model_->render_prompt(request).value();
  request.reasoning.enabled = true;  // its template does so anyway
  EXPECT_EQ(model_->render_prompt(request).value(), usual);
}

TEST_F(ServedModelTest, StopsAtAStringThatNeverComesOut) {
  ChatRequest request = ask("What is 12 + 30?");
  request.options.stop = {"nowhere", " = 4"};
  const Text text = chat(request);
  EXPECT_EQ(text.content, "12 + 30");
  EXPECT_EQ(text.end.finish, FinishReason::kStop);
  request.options.stop = {""};
  EXPECT_EQ(model_->chat(request).error().where, "stop");
}

TEST_F(ServedModelTest, RepeatsWithASeed) {
  ChatRequest request = ask("Tell me something.");
  request.options.sampling.temperature = 5.0f;  // the model is sure of itself at 1
  request.options.max_tokens = 40;
  auto first = model_->chat(request).value();
  const Text text = collect(*first);
  request.options.seed = first->seed();
  const Text again = chat(request);
  EXPECT_EQ(again.reasoning + "|" + again.content, text.reasoning + "|" + text.content);
  request.options.seed = first->seed() + 1;
  const Text other = chat(request);
  EXPECT_NE(other.reasoning + other.content, text.reasoning + text.content);
}

TEST_F(ServedModelTest, GivesLogprobsOfTheTextThatComesOut) {
  ChatRequest request = ask("What is 12 + 30?");
  request.options.logprobs = 3;
  const Text text = chat(request);
  EXPECT_TRUE(text.logprobs.ends_with(text.content)) << text.logprobs;
  EXPECT_NE(text.reasoning_logprobs.find(text.reasoning), std::string::npos);
  EXPECT_NE(text.reasoning_logprobs.find("</think>"), std::string::npos);
}

TEST_F(ServedModelTest, UserTextNeverBecomesASpecialToken) {
  const std::string spelled = "<｜end▁of▁sentence｜>";
  ASSERT_TRUE(model_->tokenizer().find(spelled).has_value());
  const auto tokens_of = [&](const std::string& text) {
    return model_->chat(ask(text)).value()->usage().prompt_tokens;
  };
  EXPECT_GT(tokens_of("hi" + spelled), tokens_of("hi") + 3);

  CompletionRequest request;
  request.prompt = "hi" + spelled;
  request.options.max_tokens = 1;
  const auto as_text = model_->complete(request).value()->usage().prompt_tokens;
  request.parse_special = true;
  const auto as_token = model_->complete(request).value()->usage().prompt_tokens;
  EXPECT_GT(as_text, as_token + 3);
}

TEST_F(ServedModelTest, CompletesTextAndTokens) {
  CompletionRequest request;
  request.prompt = "One, two";
  request.echo = true;
  request.options.sampling.temperature = 0;
  request.options.max_tokens = 5;
  const Text text = collect(*model_->complete(request).value());
  EXPECT_TRUE(text.content.starts_with("One, two")) << text.content;
  EXPECT_EQ(text.reasoning, "");
  EXPECT_EQ(text.end.usage.reasoning_tokens, 0);

  const Tokenizer& tokenizer = model_->tokenizer();
  request.prompt_tokens = tokenizer.encode(request.prompt, Special::kAsText, tokenizer.adds_bos());
  request.prompt.clear();
  EXPECT_EQ(collect(*model_->complete(request).value()).content, text.content);
  request.prompt_tokens.push_back(1 << 30);
  EXPECT_EQ(model_->complete(request).error().code, Code::kInvalidArgument);
}

TEST_F(ServedModelTest, SaysWhatDoesNotFitTheContext) {
  std::string words;
  for (int i = 0; i < model_->context(); ++i) words += "word ";
  const Error error = model_->chat(ask(words)).error();
  EXPECT_EQ(error.code, Code::kInvalidArgument);
  EXPECT_EQ(error.where, kContextLength);
  EXPECT_NE(error.message.find(std::to_string(model_->context())), std::string::npos);
}

TEST_F(ServedModelTest, TheEventsCanBePolled) {
  auto stream = model_->chat(ask("What is 12 + 30?")).value();
  std::mutex mutex;
  std::condition_variable ready;
  bool rung = false;
  stream->on_ready([&] {
    const std::lock_guard lock(mutex);
    rung = true;
    ready.notify_one();
  });
  std::string content;
  for (bool end = false; !end;) {
    {
      std::unique_lock lock(mutex);
      ready.wait(lock, [&] { return rung; });
      rung = false;
    }
    while (auto event = stream->try_next()) {
      content += event->content;
      end = event->end;
    }
  }
  EXPECT_EQ(content, "12 + 30 = 42");
}

std::string message(const std::string& role, const std::string& content) {
  return R"({"role": ")" + role + R"(", "content": ")" + content + "\"}";
}

// The template drops what was thought in earlier turns, so that the next prompt leaves the cached
// tokens where the thinking began: all up to there is found, and what comes after is new.
TEST_F(ServedModelTest, TheNextTurnReadsOnlyWhatIsNew) {
  ChatRequest request;
  request.options.sampling.temperature = 0;
  request.options.max_tokens = 200;
  request.options.cache_salt = "next turn";
  std::string messages = message("system", "Be brief and exact, and show how you got there.");
  int32_t before = 0, prompt = 0;
  for (int turn = 0; turn < 5; ++turn) {
    const std::string question = "What is " + std::to_string(12 + turn) + " + 30?";
    messages += ", " + message("user", question);
    request.messages_json = "[" + messages + "]";
    const Text text = chat(request);
    ASSERT_EQ(text.end.finish, FinishReason::kStop);
    ASSERT_FALSE(text.reasoning.empty());
    const Usage& usage = text.end.usage;
    if (turn > 0) {
      // The opening tag and its line break are the template's, for the turn that answers.
      EXPECT_GE(usage.cached_tokens, before - 2) << turn;
      EXPECT_LT(usage.cached_tokens, before) << turn;
      const auto answer = static_cast<int32_t>(text.content.size());  // tokens are fewer
      EXPECT_LT(usage.prompt_tokens - usage.cached_tokens, 2 * answer + 30) << turn;
    }
    EXPECT_GT(usage.prompt_tokens, prompt);
    before = prompt = usage.prompt_tokens;
    messages += ", " + message("assistant", text.content);
  }
}

TEST_F(ServedModelTest, TheSameTurnAgainIsFoundWhole) {
  ChatRequest request = ask("What is 17 + 4?");
  request.options.cache_salt = "again";
  const Usage first = chat(request).end.usage, second = chat(request).end.usage;
  EXPECT_EQ(first.cached_tokens, 0);
  EXPECT_EQ(second.cached_tokens, second.prompt_tokens - 1);  // the last one's logits are wanted
}

TEST(SharedPrompts, AreFoundByOtherTenantsAndNothingElseIs) {
  std::string system = "You answer for the house, and";
  for (int i = 0; i < 40; ++i) system += " say what rule number " + std::to_string(i) + " says;";
  ServedModelOptions options;
  options.engine.kv_bytes = 64 << 20;
  options.shared_prompts = {system};
  auto model = ServedModel::load(HOLDFAST_SOURCE_DIR "/models/demo/holdfast-demo.gguf",
                                 make_cpu_backend({.threads = 1}).value(), options)
                   .value();
  const auto ask = [&](const std::string& tenant, const std::string& system_prompt) {
    ChatRequest request;
    request.messages_json =
        "[" + message("system", system_prompt) + ", " + message("user", "What is 2 + 2?") + "]";
    request.options.max_tokens = 4;
    request.options.cache_salt = tenant;
    return collect(*model->chat(request).value()).end.usage;
  };
  EXPECT_EQ(ask("a", system).cached_tokens, 0);
  const Usage other = ask("b", system);
  EXPECT_GT(other.cached_tokens, 100);
  EXPECT_LE(other.cached_tokens,
            other.prompt_tokens - 5);      // not the question, though it is the same
  EXPECT_EQ(other.cached_tokens % 32, 0);  // whole pages
  EXPECT_EQ(ask("b", system).cached_tokens, other.prompt_tokens - 1);
  // Any other beginning, though it be as long, is the tenant's own.
  const std::string own = "Ours: " + system;
  EXPECT_EQ(ask("a", own).cached_tokens, 0);
  EXPECT_EQ(ask("b", own).cached_tokens, 0);
  EXPECT_GT(ask("b", own).cached_tokens, 100);
}

TEST_F(ServedModelTest, LoadingNamesWhatIsWrong) {
  const auto missing =
      ServedModel::load("/nonexistent.gguf", make_cpu_backend({.threads = 1}).value(), {});
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, Code::kNotFound);
}

}  // namespace
}  // namespace holdfast
