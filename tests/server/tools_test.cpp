// Tools in requests, and calls in answers.
#include <string>

#include <gtest/gtest.h>

#include "fake_model.h"
#include "server/chat_format.h"
#include "server/generation_answer.h"
#include "server/openai_request.h"

namespace holdfast {
namespace {

const std::string kTool =
    R"({"type":"function","function":{"name":"add","parameters":{"type":"object"}}})";

std::string chat(const std::string& fields,
                 const std::string& messages = R"([{"role":"user","content":"x"}])") {
  return R"({"model":"m","messages":)" + messages + (fields.empty() ? "" : "," + fields) + "}";
}

OpenAiChatRequest parse(const std::string& fields) {
  auto request = parse_chat_request(chat(fields));
  EXPECT_TRUE(request) << fields << (request ? "" : request.error().message);
  return request ? *request : OpenAiChatRequest();
}

std::string param(const std::string& body) {
  const auto request = parse_chat_request(body);
  return request ? "none" : request.error().param;
}

TEST(Tools, AreRead) {
  const OpenAiChatRequest request = parse("\"tools\":[" + kTool + "]");
  EXPECT_EQ(request.tools_json, "[" + kTool + "]");
  EXPECT_EQ(request.tool_names, std::vector<std::string>{"add"});
  EXPECT_TRUE(request.parallel_tool_calls);
  EXPECT_FALSE(
      parse("\"tools\":[" + kTool + R"(],"parallel_tool_calls":false)").parallel_tool_calls);
  EXPECT_EQ(parse("\"tools\":[" + kTool + R"(],"tool_choice":"none")").tools_json, "");
  EXPECT_EQ(parse(R"("tools":[])").tools_json, "");
  EXPECT_EQ(parse(R"("tool_choice":"auto")").tools_json, "");
}

TEST(Tools, NameTheFieldAtFault) {
  EXPECT_EQ(param(chat(R"("tools":{})")), "tools");
  EXPECT_EQ(param(chat(R"("tools":[{"type":"web"}])")), "tools[0]");
  EXPECT_EQ(
      param(chat("\"tools\":[" + kTool + R"(,{"type":"function","function":{"name":"a b"}}])")),
      "tools[1].function.name");
  EXPECT_EQ(param(chat(R"("tools":[{"type":"function","function":{"name":"a","parameters":[]}}])")),
            "tools[0].function.parameters");
  EXPECT_EQ(param(chat(R"("tool_choice":"maybe")")), "tool_choice");
  EXPECT_EQ(param(chat(R"("tool_choice":"required")")), "tool_choice");
  EXPECT_EQ(param(chat("\"tools\":[" + kTool +
                       R"(],"tool_choice":{"type":"function","function":{"name":"b"}})")),
            "tool_choice");
}

TEST(Tools, CallsOfFormerTurnsAreTaken) {
  const auto messages = [](const std::string& calls) {
    const auto request = parse_chat_request(
        chat("", R"([{"role":"assistant","content":null,"tool_calls":)" + calls + "}]"));
    return request ? request->messages_json : request.error().param;
  };
  EXPECT_EQ(
      messages(R"([{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}])"),
      R"([{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":)"
      R"({"name":"f","arguments":"{}"}}]}])");
  EXPECT_EQ(messages("[]"), R"([{"role":"assistant","content":null}])");
  EXPECT_EQ(messages("null"), R"([{"role":"assistant","content":null}])");
  EXPECT_NE(messages(R"([{"function":{"name":"f","arguments":""}}])").find(R"("arguments":"{}")"),
            std::string::npos);
  EXPECT_EQ(messages("{}"), "messages[0].tool_calls");
  EXPECT_EQ(messages("[{}]"), "messages[0].tool_calls[0].function");
  EXPECT_EQ(messages(R"([{"function":{"name":"f","arguments":{}}}])"),
            "messages[0].tool_calls[0].function.arguments");
}

TextEvent call(int32_t index, std::string name, std::string arguments) {
  TextEvent event;
  event.tool_calls.push_back({index, std::move(name), std::move(arguments)});
  return event;
}

std::string answer(bool stream) {
  auto script = std::make_shared<Script>();
  script->text("Well.");
  script->push(call(0, "add", ""));
  script->push(call(0, "", "{\"a\": "));
  script->push(call(0, "", "1}"));
  script->push(call(1, "f", "{}"));
  script->end(FinishReason::kToolCalls);
  std::vector<std::unique_ptr<TextStream>> streams;
  streams.push_back(std::make_unique<FakeStream>(script, 1));
  GenerationAnswer answer(std::move(streams), make_chat_format({}, {}), {.stream = stream});
  std::string out;
  answer.on_ready([] {});
  while (answer.advance(out) != Answer::Progress::kDone) {
  }
  return stream ? out : answer.response().body;
}

// Identifiers of calls are random.
std::string without_ids(std::string text) {
  const std::string begin = "\"id\":\"call_";
  for (size_t at = text.find(begin); at != std::string::npos; at = text.find(begin, at + 1))
    text.erase(at + begin.size(), 24);
  return text;
}

TEST(Tools, CallsAreToldWhole) {
  const std::string body = without_ids(answer(false));
  EXPECT_NE(
      body.find(
          R"("content":"Well.","tool_calls":[{"id":"call_","type":"function","function":{"name":"add",)"
          R"("arguments":"{\"a\": 1}"}},{"id":"call_","type":"function","function":{"name":"f",)"
          R"("arguments":"{}"}}])"),
      std::string::npos)
      << body;
  EXPECT_NE(body.find(R"("finish_reason":"tool_calls")"), std::string::npos);
}

TEST(Tools, CallsAreStreamedWithTheirIndex) {
  const std::string out = without_ids(answer(true));
  for (
      const char* piece :
      {R"({"tool_calls":[{"index":0,"id":"call_","type":"function","function":{"name":"add","arguments":""}}]})",
       R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"a\": "}}]})",
       R"({"tool_calls":[{"index":1,"id":"call_","type":"function","function":{"name":"f","arguments":"{}"}}]})",
       R"("finish_reason":"tool_calls")"}) {
    EXPECT_NE(out.find(piece), std::string::npos) << piece << "\n" << out;
  }
}

}  // namespace
}  // namespace holdfast
