#include "text/tool_template.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace holdfast {
namespace {

ToolHabits habits_of(const std::string& source) {
  const auto chat_template = ChatTemplate::parse(source);
  EXPECT_TRUE(chat_template) << to_string(chat_template.error());
  return probe_tools(**chat_template, source, "<s>", "</s>");
}

std::string render(const std::string& source, const TemplateInput& input) {
  const auto parts = ChatTemplate::parse(source).value()->render(input);
  if (!parts) return "error: " + parts.error().message;
  std::string text;
  for (const TextPart& part : *parts) text += part.trusted ? part.text : "[" + part.text + "]";
  return text;
}

const std::string kLoop = "{% for message in messages %}", kEnd = "{% endfor %}";

TEST(ToolHabits, AreFoundByTrying) {
  // As Qwen2.5 writes calls: of an object. As Qwen3 does: of either.
  const std::string list =
      "{% if tools %}<tool_call>{% for tool in tools %}{{ tool | tojson }}{% endfor %}{% endif %}";
  const std::string objects = list + kLoop +
                              "{{ message.content }}{% for call in message.tool_calls or [] "
                              "%}<tool_call>{{ call.function.name }}"
                              "{{ call.function.arguments | tojson }}{% endfor %}" +
                              kEnd;
  ToolHabits habits = habits_of(objects);
  EXPECT_EQ(habits.format, ToolFormat::kHermes);
  EXPECT_TRUE(habits.lists_tools);
  EXPECT_TRUE(habits.object_arguments);
  EXPECT_FALSE(habits.empty_content);

  const std::string either =
      list + kLoop +
      "{% if '</think>' in message.content %}x{% endif %}{{ message.content }}"
      "{% for call in message.tool_calls or [] %}{% if call.function.arguments is string %}"
      "{{ call.function.arguments }}{% else %}{{ call.function.arguments | tojson }}{% endif %}{% "
      "endfor %}" +
      kEnd;
  habits = habits_of(either);
  EXPECT_TRUE(habits.lists_tools);
  EXPECT_FALSE(habits.object_arguments);
  EXPECT_TRUE(habits.empty_content) << "it looks into the content of every turn";

  // As DeepSeek-R1 does: it joins text, and knows of calls only, in turns without content.
  const std::string joined = kLoop +
                             "{% if message.role == 'assistant' and message.content is none %}{% "
                             "for call in message.tool_calls %}"
                             "{{ '<｜tool▁call▁begin｜>' + call.type + '<｜tool▁sep｜>' + "
                             "call.function.name + call.function.arguments }}"
                             "{% endfor %}{% else %}{{ message.content }}{% endif %}" +
                             kEnd;
  habits = habits_of(joined);
  EXPECT_EQ(habits.format, ToolFormat::kDeepSeek);
  EXPECT_FALSE(habits.lists_tools);
  EXPECT_FALSE(habits.object_arguments);
  EXPECT_FALSE(habits.empty_content);

  EXPECT_EQ(habits_of(kLoop + "{{ message.content }}" + kEnd).format, ToolFormat::kNone);
}

TEST(ToolMessages, AreAdapted) {
  TemplateInput input;
  input.messages_json =
      R"([{"role":"user","content":"q"},{"role":"assistant","content":null,"tool_calls":[{"function":)"
      R"({"name":"f","arguments":"{\"a\": 1.50, \"b\": 12345678901234567890123}"}}]}])";
  const std::string source =
      kLoop +
      "{{ message.content is none }}{% for c in message.tool_calls or [] %}"
      "{{ c.function.arguments is string }}{{ c.function.arguments.b }}{% endfor %};" +
      kEnd;
  EXPECT_EQ(render(source, input), "[False];[TrueTrue];");
  input.habits.object_arguments = input.habits.empty_content = true;
  EXPECT_EQ(render(source, input), "[False];[FalseFalse12345678901234567890123];");
  input.messages_json =
      R"([{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{"}}]}])";
  EXPECT_TRUE(render(source, input).starts_with("error: ")) << render(source, input);
}

TEST(ToolMessages, DescribeToolsWhereTheTemplateDoesNot) {
  TemplateInput input;
  input.habits.describe_tools = true;
  input.tools_json = R"([{"name":"<｜tool▁sep｜>"}])";
  const std::string source = kLoop + "{{ message.role }}:{{ message.content }};" + kEnd;
  input.messages_json = R"([{"role":"system","content":"Be kind."},{"role":"user","content":"q"}])";
  const std::string text = render(source, input);
  EXPECT_TRUE(text.starts_with("[system]:[Be kind.]\n\n## Tools\n")) << text;
  EXPECT_NE(text.find(R"([[{"name":"<｜tool▁sep｜>"}]])"), std::string::npos)
      << "not to be trusted";
  EXPECT_NE(text.find("function<｜tool▁sep｜>NAME"), std::string::npos);
  EXPECT_TRUE(text.ends_with(";[user]:[q];"));
  input.messages_json = R"([{"role":"user","content":"q"}])";
  EXPECT_TRUE(render(source, input).starts_with("[system]:## Tools\n")) << render(source, input);
  input.tools_json.clear();
  EXPECT_EQ(render(source, input), "[user]:[q];");
}

}  // namespace
}  // namespace holdfast
