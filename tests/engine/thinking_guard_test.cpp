#include "engine/thinking_guard.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/thinking_prompt.h"

namespace holdfast {
namespace {

const std::vector<std::string> kPieces = {"<think>", "</think>", "\n",     "\n\n", "a",
                                          "b",       "<",        "think>", " "};
enum : int32_t { kOpen, kShut, kBreak, kBreaks, kA, kB, kAngle, kRest, kSpace };

ThinkingLimits limits(int32_t budget, bool inside, bool stop_loops = false) {
  ThinkingLimits out;
  out.budget = budget;
  out.starts_inside = inside;
  out.stop_loops = stop_loops;
  out.close = {kBreak, kShut, kBreaks};
  out.piece = [](int32_t token) { return kPieces.at(static_cast<size_t>(token)); };
  return out;
}

// What comes out when the model says `own`, token by token, where it is let.
std::vector<int32_t> run(ThinkingGuard& guard, std::vector<int32_t> own) {
  std::vector<int32_t> out;
  for (size_t i = 0; i < own.size() || guard.forced();) {
    const auto forced = guard.forced();
    const int32_t token = forced ? *forced : own[i++];
    guard.accept(token);
    out.push_back(token);
  }
  return out;
}

using Tokens = std::vector<int32_t>;

TEST(ThinkingGuard, ClosesWhenTheBudgetIsSpent) {
  ThinkingGuard guard(limits(3, true));
  EXPECT_EQ(run(guard, {kA, kB, kA, kB, kShut}),
            (Tokens{kA, kB, kA, kBreak, kShut, kBreaks, kB, kShut}));
  EXPECT_EQ(guard.end(), ThinkingEnd::kBudget);
}

TEST(ThinkingGuard, LeavesAModelThatEndsInTime) {
  ThinkingGuard guard(limits(3, true));
  const Tokens own = {kA, kShut, kA, kA, kA, kA, kOpen, kA, kA, kA, kA};
  EXPECT_EQ(run(guard, own), own);
  EXPECT_EQ(guard.end(), ThinkingEnd::kOwn);
}

TEST(ThinkingGuard, CountsFromTheModelsOwnTag) {
  ThinkingGuard guard(limits(2, false));
  EXPECT_EQ(run(guard, {kOpen, kA, kB}), (Tokens{kOpen, kA, kBreak, kShut, kBreaks, kB}));
  // A tag in two tokens: it is one when it is complete.
  ThinkingGuard spelled(limits(2, false));
  EXPECT_EQ(run(spelled, {kAngle, kRest, kA, kB}),
            (Tokens{kAngle, kRest, kA, kBreak, kShut, kBreaks, kB}));
  ThinkingGuard none(limits(2, false));
  const Tokens answer = {kA, kOpen, kA, kB, kA, kB};
  EXPECT_EQ(run(none, answer), answer);
}

TEST(ThinkingGuard, ABudgetOfNothingClosesAtOnce) {
  ThinkingGuard inside(limits(0, true));
  EXPECT_EQ(run(inside, {kA}), (Tokens{kBreak, kShut, kBreaks, kA}));
  ThinkingGuard opens(limits(0, false));
  EXPECT_EQ(run(opens, {kOpen, kA}), (Tokens{kOpen, kBreak, kShut, kBreaks, kA}));
}

TEST(ThinkingGuard, ClosesALoopInThinkingOnly) {
  Tokens own;
  for (int i = 0; i < 200; ++i) own.push_back(i % 2 == 0 ? kA : kB);
  ThinkingGuard guard(limits(-1, true, true));
  const Tokens out = run(guard, own);
  EXPECT_EQ(guard.end(), ThinkingEnd::kLoop);
  // After the first of the 128 tokens comes what tells.
  EXPECT_EQ(std::find(out.begin(), out.end(), kShut) - out.begin(), LoopDetector::kLeastTokens + 1);
  ThinkingGuard answering(limits(-1, true, true));
  Tokens answer = {kA, kShut};
  answer.insert(answer.end(), own.begin(), own.end());
  EXPECT_EQ(run(answering, answer), answer);
  EXPECT_EQ(answering.end(), ThinkingEnd::kOwn);
}

// Against a plain reading of what a loop is.
TEST(LoopDetector, FindsWhatALookAtTheWholeTextFinds) {
  std::mt19937 random(9);
  for (int round = 0; round < 40; ++round) {
    const size_t cycle = 1 + random() % 60;
    std::vector<int32_t> text;
    for (size_t i = 0; i < random() % 50; ++i) text.push_back(static_cast<int32_t>(random() % 3));
    std::vector<int32_t> again;
    for (size_t i = 0; i < cycle; ++i) again.push_back(static_cast<int32_t>(random() % 3));
    for (size_t i = 0; i < 300; ++i) text.push_back(again[i % cycle]);
    LoopDetector detector;
    for (size_t n = 1; n <= text.size(); ++n) {
      bool want = false;
      for (size_t p = 1; p < n && !want; ++p) {
        const size_t span = std::max<size_t>(128, 4 * p);
        want = span <= n;
        for (size_t i = n - span + p; want && i < n; ++i) want = text[i] == text[i - p];
      }
      ASSERT_EQ(detector.push(text[n - 1]), want) << n;
    }
  }
}

TEST(LoopDetector, ToleratesRowsThatDiffer) {
  LoopDetector detector;
  for (int32_t row = 0; row < 500; ++row) {
    for (const int32_t token : {7, 7, 7, row, 9}) EXPECT_FALSE(detector.push(token));
  }
}

std::string shaped(std::vector<TextPart> parts, bool enabled) {
  shape_thinking(parts, enabled);
  std::string text;
  for (const TextPart& part : parts) text += part.text;
  return text;
}

TEST(ThinkingPrompt, IsShaped) {
  EXPECT_EQ(shaped({{"A:", true}}, true), "A:<think>\n");
  EXPECT_EQ(shaped({{"A:<think>\n", true}}, true), "A:<think>\n");
  EXPECT_EQ(shaped({{"A:", true}}, false), "A:<think>\n\n</think>\n\n");
  EXPECT_EQ(shaped({{"A:<think>\n", true}}, false), "A:<think>\n\n</think>\n\n");
  EXPECT_EQ(shaped({{"A:<think>", true}}, false), "A:<think>\n\n</think>\n\n");
  EXPECT_EQ(shaped({{"A:<think>\n\n</think>\n\n", true}}, false), "A:<think>\n\n</think>\n\n");
  EXPECT_EQ(shaped({{"<think>", false}}, false),
            "<think><think>\n\n</think>\n\n");  // a user's words
  EXPECT_TRUE(ends_thinking(std::vector<TextPart>{{"A:<thi", true}, {"nk>\n", true}}));
  EXPECT_FALSE(ends_thinking(std::vector<TextPart>{{"A:<thi", true}, {"nk>\n", false}}));
}

TEST(ThinkingPrompt, GivesTheTemplateItsVariable) {
  const std::string qwen = "{% if enable_thinking is defined %}";
  EXPECT_EQ(thinking_variables("", qwen, {}), "");
  EXPECT_EQ(thinking_variables("", qwen, false), R"({"enable_thinking":false})");
  EXPECT_EQ(thinking_variables("{}", qwen, true), R"({"enable_thinking":true})");
  EXPECT_EQ(thinking_variables(R"({"x":1})", qwen, true), R"({"enable_thinking":true,"x":1})");
  EXPECT_EQ(thinking_variables(R"({"enable_thinking":true})", qwen, false),
            R"({"enable_thinking":true})");
  EXPECT_EQ(thinking_variables("", "{% if thinking is defined and thinking %}", true),
            R"({"thinking":true})");
  EXPECT_EQ(thinking_variables("", "{{ messages }}", true), "");
}

}  // namespace
}  // namespace holdfast
