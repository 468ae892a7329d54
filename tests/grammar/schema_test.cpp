#include <gtest/gtest.h>

#include "grammar_fixture.h"

namespace holdfast::grammar {
namespace {

struct Case {
  std::string_view schema;
  std::vector<std::string_view> yes, no;
};

void check(const std::vector<Case>& cases, bool open_objects = false) {
  for (const Case& c : cases) {
    auto program = compile({Notation::kJsonSchema, std::string(c.schema), open_objects});
    ASSERT_TRUE(program) << c.schema << ": " << to_string(program.error());
    const auto constraint = Constraint::create(std::move(*program), byte_tokens());
    ASSERT_TRUE(constraint) << c.schema << ": " << to_string(constraint.error());
    for (const auto text : c.yes)
      EXPECT_TRUE(matches(**constraint, text)) << c.schema << " " << text;
    for (const auto text : c.no)
      EXPECT_FALSE(matches(**constraint, text)) << c.schema << " " << text;
  }
}

TEST(Schema, TypesAndConstants) {
  check({
      {"true", {"1", "\"a\"", "{}", "[1]", "null"}, {"", "nul"}},
      {"{}", {"1", "[{}]"}, {"x"}},
      {R"({"type":"integer"})",
       {"0", "-12", "123456789012345678901234567890"},
       {"1.0", "01", "1e3"}},
      {R"({"type":"number"})", {"0", "-1.5", "1e10", "2E-3"}, {"1.", ".5", "\"1\""}},
      {R"({"type":["string","null"]})", {"\"\"", "null"}, {"0"}},
      {R"({"enum":[1,"a\"b",null,[1,{"x":2}],1.0]})",
       {"1", R"("a\"b")", "null", "[1, {\"x\":2}]"},
       {"2", "[1]"}},
      {R"({"const":-0.25})", {"-0.25"}, {"0.25"}},
      {R"({"enum":[1,"a",2],"type":"integer","minimum":2})", {"2"}, {"1", "\"a\""}},
      {R"({"enum":["a","bb"],"minLength":2})", {"\"bb\""}, {"\"a\""}},
  });
}

TEST(Schema, Strings) {
  check({
      {R"({"type":"string"})", {R"("a\nb\u00e9é😀\ud83d\ude00")"}, {"\"a", "a"}},
      {R"({"type":"string","minLength":2,"maxLength":3})",
       {"\"ab\"", "\"你好吗\"", "\"😀\\n\\u0041\"", "\"\\ud83d\\ude00a\""},
       {"\"a\"", "\"abcd\"", "\"\\ud83d\\ude00\""}},
      {R"({"type":"string","pattern":"^a+$"})", {"\"aa\""}, {"\"\"", "\"ab\""}},
      {R"({"type":"string","pattern":"b\"?c"})",
       {"\"abc\"", "\"b\\\"cd\"", "\"\\nbc\""},
       {"\"b\""}},
      {R"({"type":"string","pattern":"^[a-z]*$","maxLength":3})",
       {"\"\"", "\"abc\""},
       {"\"abcd\"", "\"A\""}},
      {R"({"allOf":[{"type":"string","pattern":"a"},{"pattern":"b"}]})",
       {"\"ab\"", "\"xbxa\""},
       {"\"a\"", "\"b\""}},
      {R"({"type":"string","format":"date"})",
       {"\"2024-02-29\"", "\"1999-12-31\""},
       {"\"2023-02-29\"", "\"2023-13-01\"", "\"1900-02-29\""}},
      {R"({"type":"string","format":"uuid"})",
       {"\"123e4567-e89b-12d3-a456-426614174000\""},
       {"\"123\""}},
      {R"({"type":"string","format":"ipv6"})",
       {"\"::1\"", "\"2001:db8::ff00:42:8329\"", "\"1:2:3:4:5:6:7:8\""},
       {"\":1\"", "\"1::2::3\""}},
      {R"({"type":"string","format":"colour"})", {"\"red\""}, {"1"}},
  });
}

TEST(Schema, Numbers) {
  check({
      {R"({"type":"integer","minimum":-5,"maximum":120})",
       {"-5", "0", "99", "120"},
       {"-6", "121", "1.5", "1000"}},
      {R"({"type":"integer","exclusiveMinimum":0})", {"1", "10", "987654321"}, {"0", "-1"}},
      {R"({"type":"integer","minimum":2.5,"exclusiveMaximum":11})", {"3", "10"}, {"2", "11"}},
      {R"({"type":"number","minimum":0.25,"maximum":1})",
       {"0.25", "0.3", "0.251", "1", "1.00", "0.9999"},
       {"0.2", "0.2499", "1.01", "2", "0"}},
      {R"({"type":"number","exclusiveMinimum":-1.5,"exclusiveMaximum":-0.5})",
       {"-1.49", "-1", "-0.51"},
       {"-1.5", "-1.50", "-0.5", "-0.4", "1"}},
      {R"({"type":"number","exclusiveMaximum":0})", {"-0.001", "-10"}, {"0", "-0", "0.0", "1"}},
      {R"({"type":"integer","multipleOf":7,"minimum":10,"maximum":30})",
       {"14", "21", "28"},
       {"7", "15", "35"}},
      {R"({"type":"number","multipleOf":0.01,"minimum":0})", {"1", "1.5", "1.25"}, {"1.255", "-1"}},
  });
}

TEST(Schema, Objects) {
  check({
      {R"({"type":"object"})", {"{}", "{\"a\": {}}"}, {"[]"}},
      {R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"null"}},"required":["a"]})",
       {"{\"a\":1}", "{\"a\": 1, \"b\": null}", "{\n  \"a\": 1\n}"},
       {"{}", "{\"b\":null}", "{\"b\":null,\"a\":1}", "{\"a\":1,}", "{\"a\":1,\"c\":2}"}},
      {R"({"type":"object","properties":{"a":{},"b":{},"c":{}}})",
       {"{}", "{\"a\":1}", "{\"b\":1}", "{\"c\":1}", "{\"a\":1,\"c\":1}", "{\"b\":1,\"c\":1}",
        "{\"a\":1,\"b\":1,\"c\":1}"},
       {"{\"c\":1,\"a\":1}", "{\"d\":1}", "{,\"a\":1}"}},
      {R"({"type":"object","additionalProperties":{"type":"integer"}})",
       {"{}", "{\"x\":1,\"y\":2}"},
       {"{\"x\":null}"}},
      {R"({"type":"object","properties":{"ab":{"type":"null"}},"additionalProperties":{"type":"integer"}})",
       {"{\"ab\":null,\"abc\":1}", "{\"a\":1}", "{\"\":1}"},
       {"{\"ab\":1}", "{\"a\":1,\"ab\":1}", "{\"a\\u0062\":1}"}},
      {R"({"type":"object","required":["x"]})",
       {"{\"x\":1}", "{\"x\":1,\"y\":2}"},
       {"{}", "{\"y\":1}"}},
      {R"({"type":"object","properties":{"a":false,"b":{}}})", {"{}", "{\"b\":1}"}, {"{\"a\":1}"}},
      {R"({"type":"object","patternProperties":{"^x-":{"type":"integer"}},"additionalProperties":false})",
       {"{}", "{\"x-a\":1,\"x-\":2}"},
       {"{\"x-a\":null}", "{\"a\":1}"}},
      {R"({"type":"object","minProperties":1,"maxProperties":2,"additionalProperties":{"type":"integer"}})",
       {"{\"a\":1}", "{\"a\":1,\"b\":2}"},
       {"{}", "{\"a\":1,\"b\":2,\"c\":3}"}},
      {R"({"type":"object","properties":{"a":{},"b":{},"c":{}},"minProperties":2,"additionalProperties":false})",
       {"{\"a\":1,\"b\":1}", "{\"a\":1,\"c\":1}", "{\"a\":1,\"b\":1,\"c\":1}"},
       {"{}", "{\"b\":1}"}},
  });
  check({{R"({"type":"object","properties":{"a":{"type":"integer"}}})",
          {"{}", "{\"a\":1,\"z\":null}", "{\"z\":null}"},
          {"{\"a\":null}", "{\"z\":1,\"a\":1}"}}},
        true);
}

TEST(Schema, Arrays) {
  check({
      {R"({"type":"array"})", {"[]", "[1, \"a\"]"}, {"[1 ,2]"}},
      {R"({"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3})",
       {"[1]", "[1,2,3]", "[\n  1,\n  2\n]"},
       {"[]", "[1,2,3,4]", "[null]"}},
      {R"({"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":false})",
       {"[]", "[1]", "[1,\"a\"]"},
       {"[\"a\"]", "[1,\"a\",2]"}},
      {R"({"type":"array","prefixItems":[{"type":"integer"}],"items":{"type":"null"},"minItems":2})",
       {"[1,null]", "[1,null,null]"},
       {"[1]", "[1,1]"}},
      {R"({"type":"array","maxItems":0})", {"[]", "[ ]"}, {"[1]"}},
  });
}

TEST(Schema, Combinations) {
  check({
      {R"({"anyOf":[{"type":"integer"},{"type":"string","maxLength":1}]})",
       {"1", "\"a\""},
       {"\"ab\"", "null"}},
      {R"({"oneOf":[{"type":"integer"},{"type":"string"}]})", {"1", "\"a\""}, {"null"}},
      {R"({"oneOf":[{"properties":{"k":{"const":"a"},"x":{"type":"integer"}},"required":["k","x"],"type":"object"},
                    {"properties":{"k":{"const":"b"},"y":{"type":"null"}},"required":["k","y"],"type":"object"}]})",
       {"{\"k\":\"a\",\"x\":1}", "{\"k\":\"b\",\"y\":null}"},
       {"{\"k\":\"a\",\"y\":null}"}},
      {R"({"allOf":[{"type":"object","properties":{"a":{"minimum":3}},"required":["a"]},
                    {"properties":{"a":{"type":"integer"},"b":{"type":"null"}}}]})",
       {"{\"a\":3}", "{\"a\":4,\"b\":null}"},
       {"{\"a\":2}", "{}", "{\"a\":3.5}"}},
      {R"({"type":"integer","anyOf":[{"minimum":10},{"maximum":-10}]})", {"10", "-10"}, {"0", "9"}},
      {R"({"$ref":"#/$defs/a~1b","$defs":{"a/b":{"type":"null"}}})", {"null"}, {"1"}},
      {R"({"$defs":{"node":{"$anchor":"n","type":"object","properties":{"v":{"type":"integer"},
          "next":{"anyOf":[{"$ref":"#n"},{"type":"null"}]}},"required":["v","next"]}},"$ref":"#/$defs/node"})",
       {"{\"v\":1,\"next\":null}", "{\"v\":1,\"next\":{\"v\":2,\"next\":null}}"},
       {"{\"v\":1,\"next\":{\"v\":2}}"}},
      {R"({"type":"array","items":{"$ref":"#"}})", {"[]", "[[],[[]]]"}, {"[1]"}},
  });
}

TEST(Schema, RefusesByNameAndPlace) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"{", "not JSON"},
      {"[]", "a schema must be an object, true or false (#)"},
      {"false", "nothing can satisfy"},
      {R"({"type":"strin"})", "(#/type)"},
      {R"({"properties":{"a":{"not":{}}}})", "not is not done (#/properties/a/not)"},
      {R"({"if":{},"then":{}})", "if, then and else are not done (#/if)"},
      {R"({"type":"array","uniqueItems":true})", "uniqueItems is not context-free (#/uniqueItems)"},
      {R"({"contains":{}})", "contains is not done (#/contains)"},
      {R"({"unevaluatedProperties":false})", "unevaluatedProperties"},
      {R"({"propertyNames":{}})", "propertyNames"},
      {R"({"dependentRequired":{}})", "dependentRequired"},
      {R"({"$ref":"https://example.com/s"})", "another document"},
      {R"({"$ref":"#/$defs/x"})", "leads nowhere (#/$ref)"},
      {R"({"$ref":"#nowhere"})", "leads nowhere"},
      {R"({"$dynamicRef":"#a"})", "$dynamicRef"},
      {R"({"oneOf":[{"type":"integer"},{"type":"number"}]})", "oneOf whose branches 0 and 1 may both hold (#/oneOf)"},
      {"{\"pattern\":\"(?=a)\"}", "look-around in a pattern (#/pattern"},
      {R"({"maxLength":100000})", "a maxLength above 65536 (#/maxLength)"},
      {R"({"minLength":-1})", "0 or more (#/minLength)"},
      {R"({"multipleOf":0.3})", "multipleOf"},
      {R"({"items":[{}]})", "older drafts"},
      {R"({"type":"object","required":["a"],"properties":{"a":{"$ref":"#"}}})", "nothing can satisfy"},
  };
  for (const auto& [schema, message] : cases) {
    const std::string error = error_of(Notation::kJsonSchema, std::string(schema));
    EXPECT_NE(error.find(message), std::string::npos) << schema << ": " << error;
  }
  // What matters for no value that is left is not refused.
  EXPECT_EQ(
      error_of(Notation::kJsonSchema, R"({"type":"string","uniqueItems":true,"contains":{}})"),
      "accepted");
}

}  // namespace
}  // namespace holdfast::grammar
