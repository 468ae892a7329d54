#include <gtest/gtest.h>

#include "grammar_fixture.h"

namespace holdfast::grammar {
namespace {

TEST(JsonMode, AnyObjectAndNothingElse) {
  const auto c = make_constraint(Notation::kJsonObject, "");
  ASSERT_TRUE(c);
  for (const char* yes :
       {"{}", "{ }", "{\"a\":1}", "{\"a\": [1, -2.5e+10, true, null], \"b\": {\"c\": \"d\"}}",
        "{\n  \"a\": {\n    \"b\": []\n  }\n}", R"({"a\n\u00e9\ud83d\ude00\/": "é你😀"})"})
    EXPECT_TRUE(matches(**c, yes)) << yes;
  for (const char* no :
       {"", "[]", "1", "{\"a\"}", "{\"a\":}", "{\"a\":01}", "{\"a\":1,}", "{\"a\":1.}", "{'a':1}",
        "{\"a\":\"\n\"}", R"({"a":"\ud83d"})", R"({"a":"\x"})", "{\"a\":tru}", "{\"a\":1}}",
        "{  \"a\":1}", "{\n\n\"a\":1}"})
    EXPECT_FALSE(matches(**c, no)) << no;
  EXPECT_FALSE(matches(**c, "{\"\xff\":1}"));
  EXPECT_FALSE(matches(**c, "{\"\xc0\x80\":1}")) << "overlong";
  EXPECT_FALSE(matches(**c, "{\"\xed\xa0\x80\":1}")) << "a surrogate";
}

TEST(Choice, OneOfTheStrings) {
  const auto c = make_constraint(Notation::kChoice, R"(["yes", "no", "not sure"])");
  ASSERT_TRUE(c);
  EXPECT_TRUE(matches(**c, "no"));
  EXPECT_TRUE(matches(**c, "not sure"));
  EXPECT_FALSE(matches(**c, "not"));
  EXPECT_NE(error_of(Notation::kChoice, "[]").find("one or more"), std::string::npos);
  EXPECT_NE(error_of(Notation::kChoice, "[\"a\", 1]").find("[1]"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::grammar
