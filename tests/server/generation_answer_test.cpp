#include "server/generation_answer.h"

#include <limits>

#include <gtest/gtest.h>

#include "fake_model.h"
#include "server/app.h"
#include "server/chat_format.h"
#include "server/completion_format.h"

namespace holdfast {
namespace {

const Envelope kEnvelope{"id-1", "m", "fp", 7};
constexpr char kHead[] = R"({"id":"id-1","object":"chat.completion.chunk","created":7,"model":"m",)"
                         R"("system_fingerprint":"fp","choices":[)";

struct Scene {
  explicit Scene(int choices) {
    for (int i = 0; i < choices; ++i) {
      scripts.push_back(std::make_shared<Script>());
      streams.push_back(std::make_unique<FakeStream>(scripts.back(), 1));
    }
  }
  GenerationAnswer chat(bool stream, bool usage = false, bool logprobs = false,
                        int choices_per_prompt = 1) {
    return {std::move(streams),
            make_chat_format(kEnvelope, {.logprobs = logprobs, .with_usage = usage}),
            {stream, choices_per_prompt}};
  }
  std::vector<std::shared_ptr<Script>> scripts;
  std::vector<std::unique_ptr<TextStream>> streams;
};

std::string chunk(std::string_view inside) {
  return "data: " + std::string(kHead) + std::string(inside) + "]}\n\n";
}

TEST(GenerationAnswer, StreamsTheChoicesAsTheyCome) {
  Scene scene(2);
  auto answer = scene.chat(true, false, false, 2);
  std::string out;
  EXPECT_EQ(answer.advance(out), Answer::Progress::kWaiting);
  EXPECT_EQ(out, chunk(R"({"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,)"
                       R"("finish_reason":null})") +
                     chunk(R"({"index":1,"delta":{"role":"assistant","content":""},)"
                           R"("logprobs":null,"finish_reason":null})"));
  out.clear();
  scene.scripts[1]->text("b", "think");
  scene.scripts[0]->text("中");
  EXPECT_EQ(answer.advance(out), Answer::Progress::kWaiting);
  EXPECT_EQ(out,
            chunk(R"({"index":0,"delta":{"content":"中"},"logprobs":null,"finish_reason":null})") +
                chunk(R"({"index":1,"delta":{"reasoning_content":"think","content":"b"},)"
                      R"("logprobs":null,"finish_reason":null})"));
  out.clear();
  scene.scripts[1]->end(FinishReason::kLength);
  EXPECT_EQ(answer.advance(out), Answer::Progress::kWaiting);
  EXPECT_EQ(out, chunk(R"({"index":1,"delta":{},"logprobs":null,"finish_reason":"length"})"));
  out.clear();
  scene.scripts[0]->end();
  EXPECT_EQ(answer.advance(out), Answer::Progress::kDone);
  EXPECT_EQ(out, chunk(R"({"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"})") +
                     "data: [DONE]\n\n");
}

TEST(GenerationAnswer, CountsAPromptOnceForItsChoices) {
  Scene scene(4);  // two prompts, two choices each
  for (const auto& script : scene.scripts) {
    script->usage = {
        .prompt_tokens = 10, .completion_tokens = 3, .cached_tokens = 4, .reasoning_tokens = 2};
    script->end();
  }
  auto answer = scene.chat(true, true, false, 2);
  std::string out;
  EXPECT_EQ(answer.advance(out), Answer::Progress::kDone);
  EXPECT_NE(out.find(R"("choices":[],"usage":{"prompt_tokens":20,"completion_tokens":12,)"
                     R"("total_tokens":32,"prompt_tokens_details":{"cached_tokens":8},)"
                     R"("completion_tokens_details":{"reasoning_tokens":8}}})"),
            std::string::npos)
      << out;
}

TEST(GenerationAnswer, IsWholeInTheEnd) {
  Scene scene(1);
  auto answer = scene.chat(false);
  std::string out;
  EXPECT_EQ(answer.advance(out), Answer::Progress::kWaiting);
  scene.scripts[0]->text("a", "r");
  scene.scripts[0]->text("b \"\n");
  scene.scripts[0]->end();
  EXPECT_EQ(answer.advance(out), Answer::Progress::kDone);
  EXPECT_EQ(out, "");
  EXPECT_EQ(answer.response().body,
            R"({"id":"id-1","object":"chat.completion","created":7,"model":"m",)"
            R"("system_fingerprint":"fp","choices":[{"index":0,"message":{"role":"assistant",)"
            R"("content":"ab \"\n","reasoning_content":"r","refusal":null},"logprobs":null,)"
            R"("finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":3,)"
            R"("total_tokens":8,"prompt_tokens_details":{"cached_tokens":0},)"
            R"("completion_tokens_details":{"reasoning_tokens":0}}})");
}

TEST(GenerationAnswer, WritesLogprobsOfPiecesOfCharacters) {
  Scene scene(1);
  auto answer = scene.chat(false, false, true);
  TextEvent event;
  event.content = "中";
  const float none = -std::numeric_limits<float>::infinity();
  event.logprobs = {{{"\xe4\xb8", -0.5f}, {{"\xe4\xb8", -0.5f}, {"a", none}}}, {{"\xad", 0}, {}}};
  scene.scripts[0]->push(event);
  scene.scripts[0]->end();
  std::string out;
  answer.advance(out);
  EXPECT_NE(answer.response().body.find(
                R"("logprobs":{"content":[{"token":"��","logprob":-0.5,"bytes":[228,184],)"
                R"("top_logprobs":[{"token":"��","logprob":-0.5,"bytes":[228,184]},)"
                R"({"token":"a","logprob":-9999.0,"bytes":[97]}]},)"
                R"({"token":"�","logprob":0.0,"bytes":[173],"top_logprobs":[]}],)"
                R"("reasoning_content":null,"refusal":null})"),
            std::string::npos)
      << answer.response().body;
}

TEST(GenerationAnswer, OffsetsOfCompletionTokensCountCharacters) {
  Scene scene(1);
  GenerationAnswer answer(std::move(scene.streams),
                          make_completion_format(kEnvelope, 1, true, false), {});
  TextEvent event;
  event.content = "中a";
  event.logprobs = {{{"\xe4\xb8", 0}, {}}, {{"\xad", 0}, {}}, {{"a", 0}, {}}};
  scene.scripts[0]->push(event);
  scene.scripts[0]->end();
  std::string out;
  answer.advance(out);
  EXPECT_NE(answer.response().body.find(R"("text_offset":[0,1,1])"), std::string::npos)
      << answer.response().body;
}

TEST(GenerationAnswer, OneChoiceThatFailsEndsThemAll) {
  Scene scene(2);
  auto answer = scene.chat(true, false, false, 2);
  scene.scripts[1]->end(FinishReason::kError, Error{Code::kInternal, "broken"});
  std::string out;
  EXPECT_EQ(answer.advance(out), Answer::Progress::kDone);
  EXPECT_TRUE(
      out.ends_with("data: {\"error\":{\"message\":\"broken\",\"type\":\"server_error\","
                    "\"param\":null,\"code\":\"internal\"}}\n\n"))
      << out;
  EXPECT_TRUE(scene.scripts[0]->dropped && scene.scripts[1]->dropped);
}

TEST(GenerationAnswer, StopsFillingAtABound) {
  Scene scene(1);
  auto answer = scene.chat(true);
  for (int i = 0; i < 100; ++i) scene.scripts[0]->text(std::string(10'000, 'x'));
  std::string out;
  EXPECT_EQ(answer.advance(out), Answer::Progress::kMore);
  EXPECT_LT(out.size(), 100'000u);
}

TEST(SubmitError, NamesTheContextOverflow) {
  const Error error{Code::kInvalidArgument, "too long", std::string(kContextLength)};
  EXPECT_EQ(submit_error(error, "messages").code, "context_length_exceeded");
  EXPECT_EQ(submit_error(error, "messages").param, "messages");
  EXPECT_EQ(submit_error({Code::kResourceExhausted, "full"}, "messages").status, 429);
}

}  // namespace
}  // namespace holdfast
