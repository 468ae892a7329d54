#include "engine/stop_matcher.h"

#include <random>

#include <gtest/gtest.h>

namespace holdfast {
namespace {

std::string run(const std::vector<std::string>& stops, const std::vector<std::string>& pieces) {
  StopMatcher matcher(stops);
  std::string out;
  for (const std::string& piece : pieces) out += matcher.push(piece);
  return out + (matcher.matched() ? "|" : matcher.finish());
}

TEST(StopMatcher, CutsAcrossPiecesAndKeepsWhatIsNone) {
  EXPECT_EQ(run({"stop"}, {"do not s", "to", "p here"}), "do not |");
  EXPECT_EQ(run({"stop"}, {"do not s", "to", "re"}), "do not store");
  EXPECT_EQ(run({"stop"}, {"sto"}), "sto");
  EXPECT_EQ(run({"aab"}, {"a", "a", "a", "b", "c"}), "a|");
  EXPECT_EQ(run({}, {"any", "thing"}), "anything");
  EXPECT_EQ(run({"。"}, {"好", "。", "完"}), "好|");
}

TEST(StopMatcher, HoldsBackOnlyWhatMayStillMatch) {
  StopMatcher matcher({"\n\nUser:"});
  EXPECT_EQ(matcher.push("Hello\n"), "Hello");
  EXPECT_EQ(matcher.push(""), "");
  EXPECT_EQ(matcher.push("\nU"), "");
  EXPECT_EQ(matcher.push("p\n"), "\n\nUp");
  EXPECT_EQ(matcher.finish(), "\n");
}

// The first to be complete ends the text, however it was cut: against a plain search.
TEST(StopMatcher, DoesNotDependOnTheCut) {
  std::mt19937 random(3);
  const auto word = [&](size_t longest) {
    std::string s;
    for (size_t n = 1 + random() % longest; n > 0; --n) s.push_back("ab"[random() % 2]);
    return s;
  };
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> stops;
    for (size_t n = 1 + random() % 3; n > 0; --n) stops.push_back(word(6));
    const std::string text = word(40);
    std::string want = text;
    for (size_t end = 1; end <= text.size() && want == text; ++end) {
      size_t longest = 0;
      for (const auto& stop : stops) {
        if (std::string_view(text).substr(0, end).ends_with(stop))
          longest = std::max(longest, stop.size());
      }
      if (longest > 0) want = text.substr(0, end - longest) + "|";
    }
    std::vector<std::string> pieces;
    for (size_t i = 0; i < text.size();) {
      const size_t n = 1 + random() % 5;
      pieces.push_back(text.substr(i, n));
      i += n;
    }
    ASSERT_EQ(run(stops, pieces), want) << text;
  }
}

}  // namespace
}  // namespace holdfast
