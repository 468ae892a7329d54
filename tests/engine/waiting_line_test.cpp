#include "engine/waiting_line.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(WaitingLine, OneTenantFillsFourFifths) {
  WaitingLine line({.requests = 10});
  int32_t taken = 0;
  while (line.enter("a", 5, std::nullopt)) ++taken;
  EXPECT_EQ(taken, 8);
  const Error mine = line.enter("a", 5, std::nullopt).error();
  EXPECT_EQ(mine.code, Code::kResourceExhausted);
  EXPECT_EQ(mine.hint, "try again in about 1 s");
  EXPECT_TRUE(line.enter("b", 5, std::nullopt));  // there is room for others
  EXPECT_TRUE(line.enter("c", 5, std::nullopt));
  EXPECT_EQ(line.enter("d", 5, std::nullopt).error().code, Code::kUnavailable);
  EXPECT_EQ(line.state().requests, 10);
  EXPECT_EQ(line.state().refused, 3u);
  line.leave("a", 5);
  EXPECT_TRUE(line.enter("d", 5, std::nullopt));
}

TEST(WaitingLine, CountsTokensButTakesOneOfAnyLength) {
  WaitingLine line({.requests = 10, .tokens = 100});
  EXPECT_TRUE(line.enter("a", 5000, std::nullopt));
  EXPECT_EQ(line.enter("b", 1, std::nullopt).error().code, Code::kUnavailable);
  line.leave("a", 5000);
  EXPECT_TRUE(line.enter("b", 60, std::nullopt));
  EXPECT_TRUE(line.enter("a", 40, std::nullopt));
  EXPECT_FALSE(line.enter("a", 1, std::nullopt));
}

TEST(WaitingLine, TellsHowLongItTakes) {
  WaitingLine line({.requests = 100});
  EXPECT_EQ(line.state().wait_seconds, 0);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(line.enter("a", 72, std::nullopt));
  EXPECT_EQ(line.state().wait_seconds, 0);  // nothing is known
  for (int i = 0; i < 100; ++i) line.computed(100, 1.0);
  // Answers count as 128 tokens before any has ended.
  EXPECT_EQ(line.state().wait_seconds, 10 * 200 / 100.0);
  const Error error = line.enter("a", 72, 5.0).error();
  EXPECT_EQ(error.code, Code::kUnavailable);
  EXPECT_EQ(error.hint, "try again in about 20 s");
  EXPECT_NE(error.message.find("would wait 20 s"), std::string::npos) << error.message;
  EXPECT_TRUE(line.enter("a", 72, 60.0));
  line.leave("a", 72);
  for (int i = 0; i < 1000; ++i) line.answered(28);
  EXPECT_NEAR(line.state().wait_seconds, 10 * 100 / 100.0, 0.1);
}

TEST(WaitingLine, SaysAWholeNumberOfSeconds) {
  EXPECT_EQ(retry_after_seconds(0), 1);
  EXPECT_EQ(retry_after_seconds(1.2), 2);
  EXPECT_EQ(retry_after_seconds(1e12), 600);
}

TEST(WaitingLine, PatienceMattersOnlyWhereSomebodyWaits) {
  WaitingLine line({.requests = 100});
  line.computed(1, 100.0);
  EXPECT_TRUE(line.enter("a", 1000, 0.1));
}

}  // namespace
}  // namespace holdfast
