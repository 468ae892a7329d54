#include "text/tool_template.h"

namespace holdfast {

namespace {

constexpr std::string_view kTools =
    R"([{"type":"function","function":{"name":"probe_tool","description":"probe",)"
    R"("parameters":{"type":"object","properties":{"probe_key":{"type":"string"}}}}}])";
constexpr std::string_view kQuestion = R"({"role":"user","content":"question"})";
constexpr std::string_view kArguments = R"({"probe_key": "probe_value"})";

std::string conversation() {
  return "[" + std::string(kQuestion) +
         R"(,{"role":"assistant","content":null,"tool_calls":[{"id":"call_123456789",)"
         R"("type":"function","function":{"name":"probe_tool",)"
         R"("arguments":"{\"probe_key\": \"probe_value\"}"}}]},)"
         R"({"role":"tool","tool_call_id":"call_123456789","name":"probe_tool",)"
         R"("content":"result"}])";
}

// What comes out; nothing when the template refuses.
std::string rendered(const ChatTemplate& chat_template, const TemplateInput& input) {
  const auto parts = chat_template.render(input);
  std::string text;
  if (parts) {
    for (const TextPart& part : *parts) text += part.text;
  }
  return text;
}

}  // namespace

ToolHabits probe_tools(const ChatTemplate& chat_template, std::string_view source,
                       const std::string& bos_token, const std::string& eos_token) {
  ToolHabits habits;
  habits.format = tool_format_of(source);
  if (habits.format == ToolFormat::kNone) return habits;
  TemplateInput input;
  input.bos_token = bos_token;
  input.eos_token = eos_token;
  input.messages_json = "[" + std::string(kQuestion) + "]";
  input.tools_json = kTools;
  habits.lists_tools = rendered(chat_template, input).find("probe_tool") != std::string::npos;
  if (!habits.lists_tools) input.tools_json.clear();
  input.messages_json = conversation();
  // As text first: then a client's own bytes go into the prompt.
  for (const bool objects : {false, true}) {
    for (const bool empty : {false, true}) {
      input.habits = habits;
      input.habits.object_arguments = objects;
      input.habits.empty_content = empty;
      const std::string text = rendered(chat_template, input);
      const size_t listed = text.find("question");  // what lists the tools stands before or after
      if (listed != std::string::npos && text.find(kArguments) != std::string::npos)
        return input.habits;
    }
  }
  return habits;
}

}  // namespace holdfast
