#include "text/tool_calls.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "text/json_scanner.h"

namespace holdfast {
namespace {

namespace json = boost::json;

struct Parsed {
  std::string content;
  std::vector<std::pair<std::string, std::string>> calls;  // name, arguments
  int32_t complete = 0;
  bool operator==(const Parsed&) const = default;
};

void take(const ToolText& text, Parsed& out) {
  out.content += text.content;
  for (const ToolCallDelta& delta : text.calls) {
    if (!delta.name.empty()) {
      ASSERT_EQ(delta.index, std::ssize(out.calls));
      out.calls.emplace_back(delta.name, "");
    }
    ASSERT_EQ(delta.index, std::ssize(out.calls) - 1);
    out.calls.back().second += delta.arguments;
  }
}

Parsed parse(ToolFormat format, std::string_view text, std::vector<size_t> cuts = {}) {
  ToolCallParser parser(format, {"get_weather", "add"});
  Parsed out;
  size_t at = 0;
  cuts.push_back(text.size());
  for (const size_t cut : cuts) {
    take(parser.push(text.substr(at, cut - at)), out);
    at = cut;
  }
  take(parser.finish(), out);
  out.complete = parser.complete();
  return out;
}

const json::array& vectors() {
  static const json::value all = [] {
    std::ifstream file(HOLDFAST_SOURCE_DIR "/tests/golden/tools/calls.json");
    return json::parse(std::string(std::istreambuf_iterator<char>(file), {}));
  }();
  return all.as_array();
}

ToolFormat format_named(std::string_view name) {
  return name == "hermes"     ? ToolFormat::kHermes
         : name == "deepseek" ? ToolFormat::kDeepSeek
         : name == "llama"    ? ToolFormat::kLlama
                              : ToolFormat::kNone;
}

TEST(ToolCalls, AreFoundAsTheFormatsSay) {
  for (const json::value& vector : vectors()) {
    const std::string text(vector.at("text").as_string());
    SCOPED_TRACE(text);
    const Parsed got = parse(format_named(vector.at("format").as_string()), text);
    EXPECT_EQ(got.content, std::string(vector.at("content").as_string()));
    const json::array& calls = vector.at("calls").as_array();
    ASSERT_EQ(got.calls.size(), calls.size());
    for (size_t i = 0; i < calls.size(); ++i) {
      EXPECT_EQ(got.calls[i].first, std::string(calls[i].at(0).as_string()));
      EXPECT_EQ(got.calls[i].second, std::string(calls[i].at(1).as_string()));
    }
  }
}

TEST(ToolCalls, DoNotDependOnHowTheTextWasCut) {
  std::mt19937 random(4);
  for (const json::value& vector : vectors()) {
    const ToolFormat format = format_named(vector.at("format").as_string());
    const std::string text(vector.at("text").as_string());
    const Parsed whole = parse(format, text);
    std::vector<size_t> bytes(text.size());
    for (size_t i = 0; i < text.size(); ++i) bytes[i] = i;
    EXPECT_EQ(parse(format, text, bytes), whole) << text;
    for (int round = 0; round < 50; ++round) {
      std::vector<size_t> cuts;
      for (int i = 0; i < 6; ++i) cuts.push_back(random() % (text.size() + 1));
      std::sort(cuts.begin(), cuts.end());
      ASSERT_EQ(parse(format, text, cuts), whole) << text;
    }
  }
}

// Arguments leave while they are written.
TEST(ToolCalls, AreToldAsTheyCome) {
  ToolCallParser parser(ToolFormat::kHermes, {});
  EXPECT_TRUE(parser.push("<tool_call>\n{\"name\": \"ad").calls.empty());
  EXPECT_EQ(parser.begun(), 0);
  ToolText text = parser.push("d\", \"arguments\": {\"a\":");
  ASSERT_EQ(text.calls.size(), 1u);
  EXPECT_EQ(text.calls[0].name, "add");
  EXPECT_EQ(text.calls[0].arguments, "{\"a\":");
  EXPECT_EQ(parser.begun(), 1);
  EXPECT_EQ(parser.complete(), 0);
  text = parser.push(" 1}");
  ASSERT_EQ(text.calls.size(), 1u);
  EXPECT_EQ(text.calls[0].name, "");
  EXPECT_EQ(text.calls[0].arguments, " 1}");
  parser.push("}");
  EXPECT_EQ(parser.complete(), 1);
}

TEST(ToolCalls, FormatsAreKnownByTheirTemplates) {
  EXPECT_EQ(tool_format_of("x <tool_call> y"), ToolFormat::kHermes);
  EXPECT_EQ(tool_format_of("'<｜tool▁call▁begin｜>' + tool['type']"), ToolFormat::kDeepSeek);
  EXPECT_EQ(tool_format_of("\"<|python_tag|>\" + tool_call.name"), ToolFormat::kLlama);
  EXPECT_EQ(tool_format_of("{{ messages[0].content }}"), ToolFormat::kNone);
  EXPECT_EQ(tool_format_of("<tool_call>\n<function=name>"), ToolFormat::kNone);
}

TEST(JsonStrings, AreDecoded) {
  std::string out;
  ASSERT_TRUE(decode_json_string(R"("a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud800x")", out));
  EXPECT_EQ(out, "a\"\\/\b\f\n\r\té😀\xEF\xBF\xBDx");
  EXPECT_FALSE(decode_json_string("\"\\q\"", out));
  EXPECT_FALSE(decode_json_string("\"\\u12\"", out));
  EXPECT_FALSE(decode_json_string("\"", out));
  EXPECT_FALSE(decode_json_string("12", out));
}

}  // namespace
}  // namespace holdfast
