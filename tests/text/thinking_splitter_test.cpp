#include "text/thinking_splitter.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast {
namespace {

SplitText split(bool starts_inside, const std::vector<std::string_view>& pieces) {
  ThinkingSplitter splitter(starts_inside);
  SplitText all;
  const auto add = [&](const SplitText& some) {
    all.reasoning += some.reasoning;
    all.content += some.content;
  };
  for (std::string_view piece : pieces) add(splitter.push(piece));
  add(splitter.finish());
  return all;
}

struct Case {
  bool starts_inside;
  std::string_view text, reasoning, content;
};

// The rules of the header, one line each.
constexpr Case kCases[] = {
    {false, "", "", ""},
    {true, "", "", ""},
    {false, "<think>\nwhy\n</think>\n\nso", "why", "so"},
    {true, "\nwhy\n</think>\n\nso", "why", "so"},
    {false, "  \n<think>why</think>so", "why", "so"},
    {true, "<think>\nwhy</think>so", "why", "so"},  // the model repeats the prompt's tag
    {false, "just an answer", "", "just an answer"},
    {false, "  spaced answer ", "", "  spaced answer "},
    {false, " \n ", "", " \n "},
    {true, "never closed \n", "never closed \n", ""},
    {false, "<think>never closed", "never closed", ""},
    {false, "<think>cut </thi", "cut </thi", ""},
    {false, "<thi", "", "<thi"},
    {false, "<thing> is no tag", "", "<thing> is no tag"},
    {false, "</think>\nso", "", "so"},
    {true, "</think>\n\nso", "", "so"},
    {false, "<think>\n\n</think>\n\nso", "", "so"},
    {false, "so</think>then", "", "so</think>then"},
    {true, "a </think> b </think> c", "a", "b </think> c"},
    {false, "<think>a</think>b<think>c</think>d", "a", "b<think>c</think>d"},
    {true, "a <think> b </think> c", "a <think> b", "c"},
    {true, "a < b </thin </think>c", "a < b </thin", "c"},
    {true, "a </<</think>c", "a </<", "c"},
    {true, "a\n\n  b\n </think>\t\n c \n", "a\n\n  b", "c \n"},
    {true, "\xE6\x83\xB3 </think> \xE7\xAD\x94", "\xE6\x83\xB3", "\xE7\xAD\x94"},
};

TEST(ThinkingSplitter, Cases) {
  for (const Case& c : kCases) {
    const SplitText got = split(c.starts_inside, {c.text});
    EXPECT_EQ(got.reasoning, c.reasoning) << c.text;
    EXPECT_EQ(got.content, c.content) << c.text;
  }
}

TEST(ThinkingSplitter, EveryCutInThreeGivesTheSame) {
  for (const Case& c : kCases) {
    for (size_t i = 0; i <= c.text.size(); ++i) {
      for (size_t j = i; j <= c.text.size(); ++j) {
        const SplitText got = split(
            c.starts_inside, {c.text.substr(0, i), c.text.substr(i, j - i), c.text.substr(j)});
        ASSERT_EQ(got.reasoning, c.reasoning) << c.text << " cut at " << i << ", " << j;
        ASSERT_EQ(got.content, c.content) << c.text << " cut at " << i << ", " << j;
      }
    }
  }
}

TEST(ThinkingSplitter, RandomTextsCutAtRandomOrByBytesGiveTheSame) {
  std::mt19937 random(7);
  const auto below = [&](size_t n) { return random() % n; };
  constexpr std::string_view kAtoms[] = {"<think>",      "</think>", "<", "</", "think>",
                                         "/think",       "<thi",     " ", "\n", "a",
                                         "\xE5\xAD\x97", "\n\n"};
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (size_t n = below(12); n > 0; --n) text += kAtoms[below(std::size(kAtoms))];
    const bool inside = below(2) == 0;
    const SplitText whole = split(inside, {text});

    std::vector<std::string_view> bytes, pieces;
    for (size_t i = 0; i < text.size(); ++i) bytes.push_back(std::string_view(text).substr(i, 1));
    for (size_t i = 0; i < text.size();) {
      const size_t n = std::min(below(9), text.size() - i);  // may be empty
      pieces.push_back(std::string_view(text).substr(i, n));
      i += n;
    }
    for (const auto& cut : {bytes, pieces}) {
      const SplitText got = split(inside, cut);
      ASSERT_EQ(got.reasoning, whole.reasoning) << text;
      ASSERT_EQ(got.content, whole.content) << text;
    }
  }
}

TEST(ThinkingSplitter, HoldsBackOnlyWhatMayFrameATag) {
  ThinkingSplitter splitter(false);
  EXPECT_FALSE(splitter.inside());
  EXPECT_EQ(splitter.push("<think>ab").reasoning, "ab");
  EXPECT_TRUE(splitter.inside());
  EXPECT_EQ(splitter.push("c \n</").reasoning, "c");
  EXPECT_EQ(splitter.push("d").reasoning, " \n</d");
  EXPECT_EQ(splitter.push("</think>").reasoning, "");
  EXPECT_FALSE(splitter.inside());
  EXPECT_EQ(splitter.push("\n<").content, "<");
}

}  // namespace
}  // namespace holdfast
