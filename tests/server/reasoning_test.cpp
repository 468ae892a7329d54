// What requests say of thinking, and what their callers may.
#include <string>

#include <gtest/gtest.h>

#include "server/openai_request.h"
#include "server/reasoning_fields.h"

namespace holdfast {
namespace {

std::string chat(const std::string& fields,
                 const std::string& message = R"({"role":"user","content":"x"})") {
  return R"({"model":"m","messages":[)" + message + "]" + (fields.empty() ? "" : "," + fields) +
         "}";
}

OpenAiChatRequest parse(const std::string& fields) {
  auto request = parse_chat_request(chat(fields));
  EXPECT_TRUE(request) << fields << (request ? "" : request.error().message);
  return request ? *request : OpenAiChatRequest();
}

TEST(Reasoning, IsReadUnderEveryName) {
  EXPECT_EQ(parse("").reasoning.budget, -1);
  EXPECT_FALSE(parse("").reasoning.enabled.has_value());
  EXPECT_TRUE(parse("").reasoning.stop_loops);
  EXPECT_EQ(parse(R"("thinking_budget":7)").reasoning.budget, 7);
  EXPECT_EQ(parse(R"("thinking_token_budget":8)").reasoning.budget, 8);
  EXPECT_EQ(parse(R"("reasoning":{"max_tokens":9})").reasoning.budget, 9);
  EXPECT_EQ(parse(R"("reasoning":{"effort":"low","max_tokens":9})").reasoning.budget, 9);
  EXPECT_EQ(parse(R"("reasoning_effort":"low")").reasoning.budget, 1024);
  EXPECT_EQ(parse(R"("reasoning_effort":"high")").reasoning.budget, -1);
  EXPECT_EQ(parse(R"("reasoning_effort":"none")").reasoning.enabled, false);
  EXPECT_EQ(parse(R"("reasoning":{"enabled":true,"stop_loops":false})").reasoning.enabled, true);
  EXPECT_FALSE(parse(R"("reasoning":{"stop_loops":false})").reasoning.stop_loops);
  EXPECT_EQ(parse(R"("reasoning":{"exclude":true})").view, ThinkingView::kHidden);
  EXPECT_EQ(parse(R"("reasoning":{"visibility":"counted"})").view, ThinkingView::kCounted);
  EXPECT_EQ(parse(R"("include_reasoning":false)").view, ThinkingView::kHidden);
}

TEST(Reasoning, NamesTheFieldAtFault) {
  const auto param = [](const std::string& fields) {
    const auto request = parse_chat_request(chat(fields));
    return request ? std::string("none") : request.error().param;
  };
  EXPECT_EQ(param(R"("thinking_budget":-1)"), "thinking_budget");
  EXPECT_EQ(param(R"("reasoning":"high")"), "reasoning");
  EXPECT_EQ(param(R"("reasoning":{"max_tokens":"x"})"), "reasoning.max_tokens");
  EXPECT_EQ(param(R"("reasoning":{"effort":"most"})"), "reasoning.effort");
  EXPECT_EQ(param(R"("reasoning":{"visibility":"seen"})"), "reasoning.visibility");
  EXPECT_EQ(param(R"("reasoning_effort":"most")"), "reasoning_effort");
  EXPECT_EQ(param(R"("include_reasoning":1)"), "include_reasoning");
}

TEST(Reasoning, IsNoMoreThanTheCallerMay) {
  Grants grants;
  const auto narrowed = [&](const std::string& fields) {
    OpenAiChatRequest request = parse(fields);
    narrow_reasoning(grants, request);
    return request;
  };
  EXPECT_EQ(narrowed("").view, ThinkingView::kShown);
  grants.thinking = ThinkingView::kCounted;
  grants.thinking_budget = 100;
  EXPECT_EQ(narrowed("").view, ThinkingView::kCounted);
  EXPECT_EQ(narrowed(R"("include_reasoning":false)").view, ThinkingView::kHidden);
  EXPECT_EQ(narrowed(R"("reasoning":{"visibility":"shown"})").view, ThinkingView::kCounted);
  EXPECT_EQ(narrowed("").reasoning.budget, 100);
  EXPECT_EQ(narrowed(R"("thinking_budget":7)").reasoning.budget, 7);
  EXPECT_EQ(narrowed(R"("thinking_budget":700)").reasoning.budget, 100);
}

TEST(Reasoning, OfFormerTurnsIsTakenUnderBothNames) {
  const auto messages = [](const std::string& fields) {
    const auto request =
        parse_chat_request(chat("", R"({"role":"assistant","content":"x",)" + fields + "}"));
    return request ? request->messages_json : request.error().message;
  };
  EXPECT_EQ(messages(R"("reasoning":"r")"),
            R"([{"role":"assistant","content":"x","reasoning_content":"r"}])");
  EXPECT_EQ(messages(R"("reasoning_content":"c")"),
            R"([{"role":"assistant","content":"x","reasoning_content":"c"}])");
  EXPECT_EQ(messages(R"("reasoning_content":"c","reasoning":"r")"),
            R"([{"role":"assistant","content":"x","reasoning_content":"c"}])");
}

}  // namespace
}  // namespace holdfast
