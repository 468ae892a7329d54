#include "server/anthropic_request.h"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "server/request_fields.h"

namespace holdfast {

namespace json = boost::json;

namespace {

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

const json::string* string_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value ? value->if_string() : nullptr;
}

void append_text(std::string_view text, std::string& to) {
  if (!to.empty()) to += '\n';
  to += text;
}

// Turns messages into OpenAI's, one by one. Keeps the first error.
class Translator {
 public:
  explicit Translator(RequestFields& fields) : fields_(fields) {}

  // `system` or a tool's result: a string or text blocks.
  std::string text_of(const json::value& content, const std::string& at) {
    std::string text;
    if (content.is_string()) return std::string(view(content.get_string()));
    each_block(content, at,
               [&](const json::object& block, std::string_view type, const std::string& where) {
                 if (type != "text") return refuse(type, where);
                 if (const auto* piece = member(block, "text", where))
                   append_text(view(*piece), text);
               });
    return text;
  }

  void message(const json::value& value, const std::string& at, json::array& out) {
    const json::object* message = value.if_object();
    const json::string* role = message ? string_of(*message, "role") : nullptr;
    if (!role || (*role != "user" && *role != "assistant")) {
      return fail(at + ".role", fmt::format("'{}' must be an object whose 'role' is user or "
                                            "assistant",
                                            at));
    }
    const json::value* content = message->if_contains("content");
    if (!content) return fail(at + ".content", fmt::format("'{}.content' is missing", at));
    if (content->is_string()) {
      out.push_back(json::object{{"role", *role}, {"content", *content}});
    } else if (*role == "user") {
      user(*content, at + ".content", out);
    } else {
      assistant(*content, at + ".content", out);
    }
  }

 private:
  void fail(const std::string& param, std::string message) {
    fields_.fail(param, std::move(message), "invalid_value");
  }
  void refuse(std::string_view type, const std::string& where) {
    fields_.fail(
        where + ".type",
        fmt::format("'{}' is of type '{}', which this version does not take there", where, type),
        "unsupported_parameter");
  }

  const json::string* member(const json::object& block, std::string_view name,
                             const std::string& where) {
    const json::string* text = string_of(block, name);
    if (!text)
      fail(fmt::format("{}.{}", where, name), fmt::format("'{}.{}' must be a string", where, name));
    return text;
  }

  template <class Each>
  void each_block(const json::value& content, const std::string& at, Each&& each) {
    const json::array* blocks = content.if_array();
    if (!blocks) return fail(at, fmt::format("'{}' must be a string or an array of blocks", at));
    for (size_t i = 0; i < blocks->size() && !fields_.error(); ++i) {
      const std::string where = fmt::format("{}[{}]", at, i);
      const json::object* block = (*blocks)[i].if_object();
      const json::string* type = block ? string_of(*block, "type") : nullptr;
      if (!type) return fail(where, fmt::format("'{}' must be an object with a 'type'", where));
      each(*block, view(*type), where);
    }
  }

  // Results of tools are messages of their own, before what the user says.
  void user(const json::value& content, const std::string& at, json::array& out) {
    std::string text;
    bool says = false;
    each_block(content, at,
               [&](const json::object& block, std::string_view type, const std::string& where) {
                 if (type == "text") {
                   if (const auto* piece = member(block, "text", where))
                     append_text(view(*piece), text);
                   says = true;
                 } else if (type == "tool_result") {
                   const auto* id = member(block, "tool_use_id", where);
                   const json::value* result = block.if_contains("content");
                   const std::string told = result ? text_of(*result, where + ".content") : "";
                   if (id) {
                     out.push_back(
                         json::object{{"role", "tool"}, {"tool_call_id", *id}, {"content", told}});
                   }
                 } else {
                   refuse(type, where);
                 }
               });
    if (says) out.push_back(json::object{{"role", "user"}, {"content", text}});
  }

  void assistant(const json::value& content, const std::string& at, json::array& out) {
    std::string text, thinking;
    json::array calls;
    each_block(
        content, at,
        [&](const json::object& block, std::string_view type, const std::string& where) {
          if (type == "text") {
            if (const auto* piece = member(block, "text", where)) append_text(view(*piece), text);
          } else if (type == "thinking") {
            if (const auto* piece = member(block, "thinking", where)) {
              append_text(view(*piece), thinking);
            }
          } else if (type == "tool_use") {
            const auto* id = member(block, "id", where);
            const auto* name = member(block, "name", where);
            const json::value* input = block.if_contains("input");
            if (!id || !name) return;
            calls.push_back(json::object{
                {"id", *id},
                {"type", "function"},
                {"function", json::object{{"name", *name},
                                          {"arguments", input ? json::serialize(*input) : "{}"}}}});
          } else if (type != "redacted_thinking") {  // which is nobody's but its maker's
            refuse(type, where);
          }
        });
    json::object message{{"role", "assistant"}, {"content", text}};
    if (!thinking.empty()) message["reasoning_content"] = thinking;
    if (!calls.empty()) message["tool_calls"] = std::move(calls);
    out.push_back(std::move(message));
  }

  RequestFields& fields_;
};

// {"name", "description", "input_schema"} as OpenAI nests it.
void translate_tools(RequestFields& fields, json::object& chat) {
  const json::value* tools = fields.find("tools");
  if (!tools) return;
  const json::array* array = tools->if_array();
  if (!array) return fields.fail("tools", "'tools' must be an array", "invalid_type");
  json::array out;
  for (size_t i = 0; i < array->size(); ++i) {
    const json::object* tool = (*array)[i].if_object();
    if (!tool || !string_of(*tool, "name")) {
      return fields.fail(fmt::format("tools[{}].name", i), "a tool needs a 'name'",
                         "invalid_value");
    }
    const json::string* type = string_of(*tool, "type");
    if (type && *type != "custom") {
      return fields.fail(fmt::format("tools[{}].type", i),
                         fmt::format("tools of type '{}' are run by nobody here", view(*type)),
                         "unsupported_parameter");
    }
    json::object function{{"name", tool->at("name")}};
    if (const auto* about = tool->if_contains("description")) function["description"] = *about;
    if (const auto* schema = tool->if_contains("input_schema")) function["parameters"] = *schema;
    out.push_back(json::object{{"type", "function"}, {"function", std::move(function)}});
  }
  if (out.empty()) return;
  chat["tools"] = std::move(out);
  const json::object* choice = fields.object("tool_choice");
  const json::string* type = choice ? string_of(*choice, "type") : nullptr;
  if (!type) return;
  if (*type == "tool") {
    const json::value* name = choice->if_contains("name");
    chat["tool_choice"] = json::object{
        {"type", "function"}, {"function", json::object{{"name", name ? *name : json::value()}}}};
  } else {
    chat["tool_choice"] = *type == "any" ? json::string("required") : *type;  // auto, none
  }
  if (const json::value* serial = choice->if_contains("disable_parallel_tool_use");
      serial && serial->is_bool()) {
    chat["parallel_tool_calls"] = !serial->get_bool();
  }
}

// Whether thinking blocks are wanted. Models that think do so all the same; it is counted.
bool read_thinking(RequestFields& fields) {
  const json::object* thinking = fields.object("thinking");
  if (!thinking) return false;
  const json::string* type = string_of(*thinking, "type");
  if (!type || (*type != "enabled" && *type != "disabled" && *type != "adaptive")) {
    fields.fail("thinking.type", "'thinking.type' must be enabled, adaptive or disabled",
                "invalid_value");
    return false;
  }
  return *type != "disabled";
}

}  // namespace

ApiResult<AnthropicRequest> parse_messages_request(std::string_view body, bool counts_only) {
  auto parsed = parse_json_object(body);
  if (!parsed) return tl::unexpected(std::move(parsed).error());
  const json::object& object = parsed->get_object();
  RequestFields fields(object);
  Translator translator(fields);
  AnthropicRequest out;
  json::object chat;
  for (const char* name : {"model", "temperature", "top_p", "top_k", "stream"}) {
    if (const json::value* value = fields.find(name)) chat[name] = *value;
  }
  if (const json::value* stops = fields.find("stop_sequences")) chat["stop"] = *stops;
  if (counts_only) {
    chat.erase("stream");
  } else if (const auto most = fields.integer("max_tokens", 1)) {
    chat["max_tokens"] = *most;
  } else {
    fields.fail("max_tokens", "'max_tokens' is missing", "missing_required_parameter");
  }
  json::array messages;
  if (const json::value* system = fields.find("system")) {
    messages.push_back(
        json::object{{"role", "system"}, {"content", translator.text_of(*system, "system")}});
  }
  const json::value* said = fields.find("messages");
  if (!said || !said->is_array()) {
    fields.fail("messages", "'messages' must be an array", "missing_required_parameter");
  } else {
    const json::array& array = said->get_array();
    for (size_t i = 0; i < array.size() && !fields.error(); ++i) {
      translator.message(array[i], fmt::format("messages[{}]", i), messages);
    }
    if (array.empty()) fields.fail("messages", "'messages' is empty", "invalid_value");
  }
  chat["messages"] = std::move(messages);
  translate_tools(fields, chat);
  out.shows_thinking = read_thinking(fields);
  if (fields.error()) return tl::unexpected(*fields.error());
  auto request = parse_chat_object(chat);
  if (!request) return tl::unexpected(std::move(request).error());
  if (!counts_only && !request->tools_json.empty()) {
    return api_fail(400, "'tools' are not supported on this route: use /v1/chat/completions",
                    "unsupported_parameter", "tools");
  }
  out.chat = std::move(*request);
  return out;
}

}  // namespace holdfast
