#include "engine/banned_strings.h"

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/sampler.h"

namespace holdfast {
namespace {

std::shared_ptr<const TokenBytes> vocabulary(const std::vector<std::string>& pieces) {
  return std::make_shared<TokenBytes>(static_cast<int32_t>(pieces.size()), [&](int32_t token) {
    return pieces[static_cast<size_t>(token)];
  });
}

bool holds(const std::string& text, const std::vector<std::string>& strings) {
  for (const std::string& s : strings) {
    if (text.find(s) != std::string::npos) return true;
  }
  return false;
}

// At every step exactly those tokens are out that would make one of the strings appear.
TEST(BannedStrings, AreNeverSpelledAndNothingElseIsForbidden) {
  std::mt19937 random(3);
  const auto word = [&](size_t most) {
    std::string text;
    const size_t size = 1 + random() % most;
    for (size_t i = 0; i < size; ++i) text += "abc"[random() % 3];
    return text;
  };
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string> pieces = {""}, banned;  // the first is a control token
    for (int i = 0; i < 40; ++i) pieces.push_back(word(4));
    for (size_t i = 0; i < 1 + random() % 5; ++i) banned.push_back("c" + word(6));
    BannedStrings rule(banned, vocabulary(pieces));
    std::string text;
    std::vector<float> logits(pieces.size() + 3);  // a model may have more rows than tokens
    for (int step = 0; step < 60; ++step) {
      std::fill(logits.begin(), logits.end(), 0.0f);
      rule.mask(logits);
      std::vector<int32_t> left;
      for (size_t t = 0; t < pieces.size(); ++t) {
        const bool out = std::isinf(logits[t]);
        ASSERT_EQ(out, holds(text + pieces[t], banned)) << '"' << text << "\" + " << pieces[t];
        if (!out) left.push_back(static_cast<int32_t>(t));
      }
      const int32_t token = left[random() % left.size()];
      rule.accept(token);
      text += pieces[static_cast<size_t>(token)];
    }
  }
}

TEST(BannedStrings, HoldInsideCharacters) {
  // "é" in two tokens of a byte each.
  const std::vector<std::string> pieces = {"\xC3", "\xA9", "x"};
  BannedStrings rule(std::vector<std::string>{"é"}, vocabulary(pieces));
  std::vector<float> logits(3, 0.0f);
  rule.mask(logits);
  EXPECT_FALSE(std::isinf(logits[1]));
  rule.accept(0);
  rule.mask(logits);
  EXPECT_TRUE(std::isinf(logits[1]));
}

TEST(BannedStrings, ThatLeaveNothingEndTheAnswer) {
  SamplingParams params;
  params.temperature = 0;
  params.banned_strings = {"a", "b"};
  params.token_bytes = vocabulary({"a", "b", "ab"});
  Sampler sampler(params, {});
  SamplerScratch scratch;
  EXPECT_FALSE(sampler.sample(std::vector<float>{1, 2, 3}, scratch).has_value());
  EXPECT_TRUE(sampler.forbids());
}

}  // namespace
}  // namespace holdfast
