#include "text/tool_messages.h"

#include <memory>
#include <string_view>
#include <utility>

#include "text/jinja/json.h"
#include "text/jinja/text.h"

namespace holdfast {

namespace {

using jinja::Dict;
using jinja::Heap;
using jinja::Text;
using jinja::Value;

Value name(std::string_view text) { return Value::string(std::string(text), false); }

bool has_role(const Dict& message, std::string_view role) {
  const Value* value = message.find("role");
  return value != nullptr && value->text() != nullptr && value->text()->view() == role;
}

Status parse_arguments(Dict& message, Heap& heap) {
  const Value* calls = message.find("tool_calls");
  if (calls == nullptr || calls->list() == nullptr) return {};
  for (Value& call : calls->list()->items) {
    const Value* function = call.dict() ? call.dict()->find("function") : nullptr;
    if (function == nullptr || function->dict() == nullptr) continue;
    const Value* arguments = function->dict()->find("arguments");
    if (arguments == nullptr || arguments->text() == nullptr) continue;
    ASSIGN_OR_RETURN(Value parsed,
                     jinja::parse_json(arguments->text()->view(), "tool_calls' arguments", heap));
    function->dict()->set_string(name("arguments"), std::move(parsed));
  }
  return {};
}

// For templates of DeepSeek's that know calls and say nothing of tools: what their makers leave to
// the system message. The marks are the model's own tokens, the tools' JSON is the client's text.
Text description(const std::string& tools_json) {
  Text text("## Tools\nYou have these functions, described by JSON schemas:\n", true);
  text.append(tools_json, false);
  text.append(
      "\nTo call functions, end your answer with\n"
      "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME\n"
      "```json\n{\"ARGUMENT\": VALUE}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>\n"
      "with one part from <｜tool▁call▁begin｜> to <｜tool▁call▁end｜> for each call.",
      true);
  return text;
}

Status describe_tools(const std::string& tools_json, jinja::List& messages, Heap& heap) {
  Text text;
  if (!messages.items.empty() && messages.items[0].dict() != nullptr &&
      has_role(*messages.items[0].dict(), "system")) {
    Dict& system = *messages.items[0].dict();
    const Value* content = system.find("content");
    if (content != nullptr && content->text() != nullptr) {
      text = *content->text();
      text.append("\n\n", true);
    }
    text.append(description(tools_json));
    system.set_string(name("content"), Value(std::move(text)));
    return {};
  }
  auto system = std::make_shared<Dict>();
  system->set_string(name("role"), name("system"));
  system->set_string(name("content"), Value(description(tools_json)));
  ASSIGN_OR_RETURN(Value message, heap.dict(std::move(system)));
  messages.items.insert(messages.items.begin(), std::move(message));
  return {};
}

}  // namespace

Status adapt_messages(const TemplateInput& input, Value& messages, Heap& heap) {
  const ToolHabits& habits = input.habits;
  for (Value& value : messages.list()->items) {
    Dict* message = value.dict();
    if (message == nullptr || !has_role(*message, "assistant")) continue;
    const Value* content = message->find("content");
    if (habits.empty_content && (content == nullptr || content->is_none()))
      message->set_string(name("content"), name(""));
    if (habits.object_arguments) RETURN_IF_ERROR(parse_arguments(*message, heap));
  }
  if (habits.describe_tools && !input.tools_json.empty())
    return describe_tools(input.tools_json, *messages.list(), heap);
  return {};
}

}  // namespace holdfast
