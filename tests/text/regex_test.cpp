#include "text/regex.h"

#include <gtest/gtest.h>

#include "text/pretokenizer.h"

namespace holdfast {
namespace {

std::vector<std::string> matches(std::string_view pattern, std::string_view text) {
  const auto regex = Regex::compile(pattern);
  EXPECT_TRUE(regex.has_value()) << to_string(regex.error());
  std::vector<std::string> out;
  Regex::Scan scan(*regex, text);
  while (const auto match = scan.next()) {
    out.emplace_back(text.substr(match->begin, match->end - match->begin));
  }
  return out;
}

TEST(Regex, ReadsPatternsAsOnigurumaDoes) {
  using Strings = std::vector<std::string>;
  EXPECT_EQ(matches(R"(\s)", "a \xE1\xA0\x8E\xE3\x80\x80"), (Strings{" ", "\xE3\x80\x80"}));
  EXPECT_EQ(matches(R"(\s+$)", "a  \nb "), (Strings{"  ", " "}));  // at each line's end
  EXPECT_EQ(matches(R"((?i:'s))", "'S 's '\xC5\xBF"), (Strings{"'S", "'s", "'\xC5\xBF"}));
  EXPECT_EQ(matches(R"(\p{N}{1,3})", "12345"), (Strings{"123", "45"}));
  EXPECT_EQ(matches(R"([\p{L}\p{M}]+)", "e\xCC\x81g 1"), (Strings{"e\xCC\x81g"}));
  EXPECT_EQ(matches(R"(\p{So})", "\xF0\x9F\x9B\x9C"), (Strings{"\xF0\x9F\x9B\x9C"}));  // Unicode 15
  EXPECT_EQ(matches(R"(\P{L}+)", "ab12"), (Strings{"12"}));
}

TEST(Regex, RefusesWhatTheEnginesMayReadDifferently) {
  for (const char* pattern :
       {R"(\w)", R"(\b)", R"([[:alpha:]])", R"([a&&b])", R"((?<name>a))", R"(a{1,2}+)", R"(\X)",
        R"((*VERB)a)", R"(^a)", R"([\S])", R"(\p{Script=Han})", R"(\1)", R"((?s).)"}) {
    const auto regex = Regex::compile(pattern);
    ASSERT_FALSE(regex.has_value()) << pattern;
    EXPECT_EQ(regex.error().code, Code::kUnimplemented) << pattern;
  }
  for (const char* pattern : {"(", "[a", "a)", "*", "\xFF"}) {
    const auto regex = Regex::compile(pattern);
    ASSERT_FALSE(regex.has_value()) << pattern;
    EXPECT_EQ(regex.error().code, Code::kInvalidArgument) << pattern;
  }
  EXPECT_FALSE(Regex::compile("a*").has_value());  // matches nothing, too
}

TEST(Regex, GivesUpOnHostilePatterns) {
  EXPECT_TRUE(matches("(?:(?:a+)+)+b", std::string(5000, 'a')).empty());
}

TEST(PreTokenizer, NamedOnesCompile) {
  for (const char* name : {"qwen2", "deepseek-r1-qwen", "llama-bpe", "deepseek-v3", "deepseek-llm",
                           "deepseek-coder", "gpt-2"}) {
    EXPECT_TRUE(named_pretokenizer(name).has_value()) << name;
  }
}

TEST(PreTokenizer, CutsAsTheModelsDo) {
  const auto split = [](const char* name, std::string_view text) {
    const PreTokenizer pretokenizer(std::move(named_pretokenizer(name)->steps));
    std::vector<std::string_view> words;
    pretokenizer.split(text, words);
    return std::vector<std::string>(words.begin(), words.end());
  };
  using Strings = std::vector<std::string>;
  EXPECT_EQ(split("qwen2", "I'm 12  years\n\n old"),
            (Strings{"I", "'m", " ", "1", "2", " ", " years", "\n\n", " old"}));
  EXPECT_EQ(split("llama-bpe", "12345"), (Strings{"123", "45"}));
  EXPECT_EQ(split("deepseek-v3", "abc中文1234.x"), (Strings{"abc", "中文", "123", "4", ".x"}));
  EXPECT_EQ(split("deepseek-coder", "a 12\n"), (Strings{"a", " ", "1", "2", "\n"}));
}

}  // namespace
}  // namespace holdfast
