#include <gtest/gtest.h>

#include "grammar_fixture.h"

namespace holdfast::grammar {
namespace {

TEST(Gbnf, RulesThatCallThemselves) {
  const auto c = make_constraint(Notation::kGbnf, R"GBNF(
# sums with brackets
root  ::= expr "=" ws term "\n"
expr  ::= term ([-+*/] ws term)*   # as often as you like
term  ::= ident | num | "(" ws expr ")" ws
ident ::= [a-z] [a-z0-9_]* ws
num   ::= [0-9]+ ws
ws    ::= [ \t\n]*
)GBNF");
  ASSERT_TRUE(c) << to_string(c.error());
  EXPECT_TRUE(matches(**c, "42 = 42\n"));
  EXPECT_TRUE(matches(**c, "3 + (x*(1-y)) = a1\n"));
  EXPECT_FALSE(matches(**c, "3 + (x = 3\n"));
  EXPECT_FALSE(matches(**c, "3 + x) = 3\n"));
}

TEST(Gbnf, Notation) {
  const auto c = make_constraint(Notation::kGbnf,
                                 "root ::= \"a\\\"\\x41\\u4f60\" |\n  [^\\n\\]x-z]{2,3} |\n"
                                 "  (\"(\"\n . \")\")? \"!\" | empty{2}\n"
                                 "empty ::= \"\" | \"e\"\n");
  ASSERT_TRUE(c) << to_string(c.error());
  for (const char* yes : {"a\"A你", "ab", "abc", "é!", "!", "(x)!", "", "e", "ee"})
    EXPECT_TRUE(matches(**c, yes)) << yes;
  for (const char* no : {"a\"A你x", "xa", "(xy)!", "abcd", "()!!"})
    EXPECT_FALSE(matches(**c, no)) << no;
}

TEST(Gbnf, AmbiguousGrammarsStaySmall) {
  // 2^n ways, and as many stacks if they were kept apart.
  const auto c =
      make_constraint(Notation::kGbnf, "root ::= s\ns ::= \"a\" s \"x\" | \"a\" s \"y\" | \"a\"");
  ASSERT_TRUE(c);
  std::string text(200, 'a');
  for (int i = 0; i < 199; ++i) text += i % 3 ? 'x' : 'y';
  EXPECT_TRUE(matches(**c, text));
  EXPECT_FALSE(matches(**c, text + "x"));
  const auto any =
      make_constraint(Notation::kGbnf, "root ::= \"b\" root root | \"b\" root | \"b\"");
  ASSERT_TRUE(any);
  EXPECT_TRUE(matches(**any, std::string(100, 'b')));
}

TEST(Gbnf, TailCallsDoNotGrow) {
  const auto c = make_constraint(Notation::kGbnf, "root ::= \"a\" root | \"b\"");
  ASSERT_TRUE(c);
  const int64_t before = (*c)->memory_bytes();
  EXPECT_TRUE(matches(**c, std::string(100'000, 'a') + "b"));
  EXPECT_LT((*c)->memory_bytes(), before + 10'000);
}

TEST(Gbnf, RefusesByNameAndLine) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"root ::= a", "rule 'a' is not defined (line 1)"},
      {"x ::= \"a\"", "no rule 'root'"},
      {"root ::= \"a\"\nroot ::= \"b\"", "defined twice (line 2)"},
      {"root ::= root \"a\" | \"b\"", "rule 'root' is left-recursive"},
      {"root ::= a\na ::= b? c\nb ::= \"x\"\nc ::= a | \"z\"", "is left-recursive"},
      {"root ::= \"a", "closing quote"},
      {"root ::= (\"a\"", "'(' without its ')'"},
      {"root ::= [a", "'[' without its ']'"},
      {"root = \"a\"", "'::=' was expected"},
      {"root ::= \"a\" )", "end of the line"},
      {"root ::= <think>", "tokens by number or name"},
      {"root ::= \"a\" root", "nothing can satisfy"},
      {"root ::= \"\\q\"", "an escape"},
  };
  for (const auto& [source, message] : cases) {
    const std::string error = error_of(Notation::kGbnf, std::string(source));
    EXPECT_NE(error.find(message), std::string::npos) << source << ": " << error;
  }
}

}  // namespace
}  // namespace holdfast::grammar
