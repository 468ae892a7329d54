#include "engine/text_assembler.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

struct Text {
  std::string reasoning, content, logprobs, reasoning_logprobs;  // the latter: their tokens, joined
  bool stopped = false;
  int32_t reasoning_tokens = 0;
};

Text run(const AssemblerOptions& options, const std::vector<std::string>& tokens) {
  TextAssembler assembler(options);
  Text text;
  const auto take = [&](const std::optional<TextEvent>& event) {
    if (!event) return;
    EXPECT_FALSE(event->end);
    text.reasoning += event->reasoning;
    text.content += event->content;
    for (const auto& l : event->logprobs) text.logprobs += l.chosen.token;
    for (const auto& l : event->reasoning_logprobs) text.reasoning_logprobs += l.chosen.token;
  };
  for (const std::string& token : tokens) {
    take(assembler.push(token, TextLogprobs{{token, -1.0f}, {}}));
    if (assembler.stopped()) break;
  }
  if (!assembler.stopped()) take(assembler.finish());
  text.stopped = assembler.stopped();
  text.reasoning_tokens = assembler.reasoning_tokens();
  return text;
}

TEST(TextAssembler, SplitsThinkingFromTheAnswer) {
  const Text text = run({.split_thinking = true, .starts_inside = true},
                        {"\n", "2+2", " is", " 4", "\n", "</think>", "\n\n", "Four", "."});
  EXPECT_EQ(text.reasoning, "2+2 is 4");
  EXPECT_EQ(text.content, "Four.");
  EXPECT_EQ(text.reasoning_tokens, 6);
  EXPECT_EQ(text.reasoning_logprobs, "\n2+2 is 4\n</think>");
  EXPECT_EQ(text.logprobs, "\n\nFour.");
}

TEST(TextAssembler, LeavesTextAloneWithoutThinking) {
  const Text text = run({}, {"<think>", "a", "</think>", "b"});
  EXPECT_EQ(text.content, "<think>a</think>b");
  EXPECT_EQ(text.reasoning, "");
  EXPECT_EQ(text.reasoning_tokens, 0);
}

TEST(TextAssembler, StopsInTheAnswerOnly) {
  const Text text = run({.split_thinking = true, .starts_inside = true, .stop = {"END"}},
                        {"an END", "</think>", "yes E", "N", "D no"});
  EXPECT_EQ(text.reasoning, "an END");
  EXPECT_EQ(text.content, "yes ");
  EXPECT_TRUE(text.stopped);
}

TEST(TextAssembler, LogprobsEndWithTheText) {
  const Text text = run({.stop = {"END"}}, {"yes", " E", "N", "D no"});
  EXPECT_EQ(text.content, "yes ");
  EXPECT_EQ(text.logprobs, "yes E");  // " E" begins before the stop string does
}

TEST(TextAssembler, NeverSplitsACharacter) {
  TextAssembler assembler({});
  EXPECT_FALSE(assembler.push("\xe4\xbd", {}).has_value());
  EXPECT_EQ(assembler.push("\xa0", {})->content, "你");
  EXPECT_FALSE(assembler.push("\xe4", {}).has_value());
  EXPECT_EQ(assembler.finish()->content, "\xef\xbf\xbd");
}

TEST(TextAssembler, GivesOutWhatNoStopStringTook) {
  const Text text = run({.stop = {"END"}}, {"a ", "EN"});
  EXPECT_EQ(text.content, "a EN");
  EXPECT_EQ(text.logprobs, "a EN");
  EXPECT_FALSE(text.stopped);
}

TEST(TextAssembler, FindsCallsOfToolsInTheAnswerOnly) {
  for (const bool parallel : {true, false}) {
    AssemblerOptions options;
    options.split_thinking = options.starts_inside = true;
    options.tools = ToolFormat::kHermes;
    options.parallel_tool_calls = parallel;
    options.stop = {"arguments"};
    TextAssembler assembler(options);
    const std::string call = "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>";
    std::string reasoning, content, calls;
    const auto take = [&](std::optional<TextEvent> event) {
      if (!event) return;
      reasoning += event->reasoning;
      content += event->content;
      for (const ToolCallDelta& d : event->tool_calls)
        calls += std::to_string(d.index) + d.name + d.arguments;
    };
    take(assembler.push("I could say " + call + ".</think>Then.\n", {}));
    EXPECT_FALSE(assembler.calls_tools());
    take(assembler.push(call + "\n" + call, {}));
    EXPECT_EQ(assembler.stopped(), !parallel);
    take(assembler.finish());
    EXPECT_EQ(reasoning, "I could say " + call + ".");
    EXPECT_EQ(content, "Then.") << "stop strings look at content";
    EXPECT_EQ(calls, parallel ? "0f{}1f{}" : "0f{}");
    EXPECT_TRUE(assembler.calls_tools());
  }
}

}  // namespace
}  // namespace holdfast
