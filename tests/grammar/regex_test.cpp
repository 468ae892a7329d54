#include <gtest/gtest.h>

#include "grammar_fixture.h"

namespace holdfast::grammar {
namespace {

struct Case {
  std::string_view regex;
  std::vector<std::string_view> yes, no;
};

TEST(Regex, MatchesWholeTexts) {
  const Case cases[] = {
      {"", {""}, {"a"}},
      {"abc", {"abc"}, {"", "ab", "abcd"}},
      {"a|bc|", {"a", "bc", ""}, {"abc", "b"}},
      {"(ab)+c?", {"ab", "ababc"}, {"", "c", "aba"}},
      {"[a-c]{2,3}", {"ab", "ccc"}, {"a", "abca", "ad"}},
      {"a{2}", {"aa"}, {"a", "aaa"}},
      {"a{2,}b", {"aab", "aaaaab"}, {"ab"}},
      {"a{,2}", {"", "aa"}, {"aaa"}},
      {"x{,y}", {"x{,y}"}, {"x"}},
      {"[^a]", {"b", "é", "你", "😀", "\n"}, {"a", "", "bb"}},
      {".", {"a", "é"}, {"\n", ""}},
      {"\\d+\\.\\d*", {"12.", "0.5"}, {".5", "12"}},
      {"\\w\\W\\s\\S", {"a- b"}, {"a b c"}},
      {"[]a]", {"]", "a"}, {"b"}},
      {"[a\\-z]", {"a", "-", "z"}, {"b"}},
      {"[a-]", {"a", "-"}, {"b"}},
      {"^abc$", {"abc"}, {"xabc"}},
      {"^(?:a|b)$|^c", {"a", "b", "c"}, {"ac"}},
      {"(?P<year>\\d{4})-(?:0[1-9]|1[0-2])", {"2024-02", "1999-12"}, {"2024-13", "24-02"}},
      {"a*?b", {"b", "aab"}, {"a"}},
      {"\\u4f60\\x41", {"你A"}, {"你B"}},
      {"[à-ÿ]+", {"éü"}, {"e"}},
      {"(a|b)*a(a|b){12}", {"aabababababab"}, {"babababababab"}},
  };
  for (const Case& c : cases) {
    const auto constraint = make_constraint(Notation::kRegex, std::string(c.regex));
    ASSERT_TRUE(constraint) << c.regex << ": " << to_string(constraint.error());
    for (const auto text : c.yes)
      EXPECT_TRUE(matches(**constraint, text)) << c.regex << " " << text;
    for (const auto text : c.no)
      EXPECT_FALSE(matches(**constraint, text)) << c.regex << " " << text;
  }
}

TEST(Regex, RefusesByName) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"(a", "'(' without its ')'"},
      {"a)", "')' without its '('"},
      {"[a", "'[' without its ']'"},
      {"*a", "nothing before it"},
      {"a**", "after a quantifier"},
      {"a{3,2}", "wrong way round"},
      {"[z-a]", "wrong way round"},
      {"(a)\\1", "a backreference"},
      {"(?=a)b", "look-around"},
      {"(?<!a)b", "look-around"},
      {"(?i)a", "flags"},
      {"\\bword", "a word boundary"},
      {"\\p{L}", "a Unicode property"},
      {"a$b", "an anchor"},
      {"(a|^b)c|d^", "an anchor"},
      {"\\q", "the escape \\q is not known"},
      {"a++", "possessive"},
      {"a{100000}", "a repetition of 100000"},
      {"((a{1000}){1000}){1000}", "nodes"},
      {"[^\\x00-\\U0010ffff]", "nothing can satisfy"},
      {"\xff", "not UTF-8"},
  };
  for (const auto& [regex, message] : cases) {
    const std::string error = error_of(Notation::kRegex, std::string(regex));
    EXPECT_NE(error.find(message), std::string::npos) << regex << ": " << error;
  }
  EXPECT_EQ(error_of(Notation::kRegex, "ab(c"),
            "a '(' without its ')' (character 5 of the pattern)");
}

}  // namespace
}  // namespace holdfast::grammar
