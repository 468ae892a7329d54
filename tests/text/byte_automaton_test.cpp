#include "text/byte_automaton.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "text/token_bytes.h"

namespace holdfast {
namespace {

TEST(ByteAutomaton, FindsWhatFindFinds) {
  std::mt19937 random(5);
  const auto word = [&](size_t most) {
    std::string text;
    const size_t size = 1 + random() % most;
    for (size_t i = 0; i < size; ++i) text += "ab\xff"[random() % 3];
    return text;
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> patterns;
    for (size_t i = 0; i < 1 + random() % 6; ++i) patterns.push_back(word(5));
    const ByteAutomaton automaton(patterns);
    ByteAutomaton::State state = ByteAutomaton::kStart;
    std::string text;
    for (int step = 0; step < 40; ++step) {
      const std::string piece = word(3);
      const auto walk = automaton.walk(state, piece);
      bool found = false;
      for (size_t end = text.size() + 1; end <= text.size() + piece.size(); ++end) {
        for (const std::string& p : patterns) found |= (text + piece).substr(0, end).ends_with(p);
      }
      ASSERT_EQ(walk.found, found);
      state = walk.state;
      text += piece;
    }
  }
}

TEST(TokenBytes, GivesPiecesAndFirstBytes) {
  const std::vector<std::string> pieces = {"b", "", "a", "\xff", "ab", "b"};
  const TokenBytes tokens(6, [&](int32_t token) { return pieces[static_cast<size_t>(token)]; });
  EXPECT_EQ(tokens.size(), 6);
  for (int32_t t = 0; t < 6; ++t) EXPECT_EQ(tokens.of(t), pieces[static_cast<size_t>(t)]);
  EXPECT_EQ(tokens.of(-1), "");
  EXPECT_EQ(tokens.of(6), "");
  const auto list = [&](unsigned char byte) {
    const auto span = tokens.starting_with(byte);
    return std::vector<int32_t>(span.begin(), span.end());
  };
  EXPECT_EQ(list('a'), (std::vector<int32_t>{2, 4}));
  EXPECT_EQ(list('b'), (std::vector<int32_t>{0, 5}));
  EXPECT_EQ(list(0xff), (std::vector<int32_t>{3}));
  EXPECT_EQ(list(0), std::vector<int32_t>{});
}

}  // namespace
}  // namespace holdfast
