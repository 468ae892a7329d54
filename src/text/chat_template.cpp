#include "text/chat_template.h"

#include <utility>

#include "text/jinja/ast.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/json.h"
#include "text/jinja/parser.h"
#include "text/tool_messages.h"

namespace holdfast {
namespace {

using jinja::Heap;
using jinja::None;
using jinja::Scope;
using jinja::Text;
using jinja::Value;

Result<Value> json_list(const std::string& json, std::string_view what, Heap& heap) {
  ASSIGN_OR_RETURN(Value value, jinja::parse_json(json, what, heap));
  if (value.list() != nullptr) return value;
  return fail(Code::kInvalidArgument, std::string(what) + " must be a JSON array",
              std::string(what));
}

class JinjaTemplate : public ChatTemplate {
 public:
  explicit JinjaTemplate(jinja::Template parsed) : parsed_(std::move(parsed)) {}

  Result<std::vector<TextPart>> render(const TemplateInput& input) const override {
    Heap heap;
    Scope variables(nullptr);
    RETURN_IF_ERROR(set_variables(input, variables, heap));
    jinja::Interpreter interpreter(heap, input.now);
    ASSIGN_OR_RETURN(const Text text, interpreter.render(parsed_, variables));
    std::vector<TextPart> parts;
    text.for_each_run([&](std::string_view bytes, bool trusted) {
      parts.push_back({std::string(bytes), trusted});
    });
    return parts;
  }

 private:
  // What Hugging Face's apply_chat_template passes.
  static Status set_variables(const TemplateInput& input, Scope& variables, Heap& heap) {
    const auto token = [&](std::string_view name, const std::string& text) {
      if (!text.empty()) variables.set(name, Value::string(text, /*trusted=*/true));
    };
    token("bos_token", input.bos_token);
    token("eos_token", input.eos_token);
    variables.set("documents", Value(None{}));
    if (!input.extra_json.empty()) {
      constexpr std::string_view kWhat = "chat_template_kwargs";
      ASSIGN_OR_RETURN(const Value extra, jinja::parse_json(input.extra_json, kWhat, heap));
      if (extra.dict() == nullptr) {
        return fail(Code::kInvalidArgument, "chat_template_kwargs must be a JSON object",
                    std::string(kWhat));
      }
      for (const auto& [key, value] : extra.dict()->entries) {
        const std::string_view name = key.text()->view();  // kept by the heap
        if (name == "messages" || name == "tools" || name == "add_generation_prompt") {
          return fail(Code::kInvalidArgument,
                      "chat_template_kwargs may not set '" + std::string(name) + "'",
                      "chat_template_kwargs." + std::string(name));
        }
        variables.set(name, value);
      }
    }
    ASSIGN_OR_RETURN(Value messages, json_list(input.messages_json, "messages", heap));
    RETURN_IF_ERROR(adapt_messages(input, messages, heap));
    variables.set("messages", std::move(messages));
    Value tools(None{});
    if (!input.tools_json.empty() && !input.habits.describe_tools) {
      ASSIGN_OR_RETURN(tools, json_list(input.tools_json, "tools", heap));
    }
    variables.set("tools", std::move(tools));
    variables.set("add_generation_prompt", Value(input.add_generation_prompt));
    return {};
  }

  jinja::Template parsed_;
};

}  // namespace

Result<std::unique_ptr<ChatTemplate>> ChatTemplate::parse(std::string_view source) {
  ASSIGN_OR_RETURN(jinja::Template parsed, jinja::parse_template(source));
  return std::make_unique<JinjaTemplate>(std::move(parsed));
}

}  // namespace holdfast
