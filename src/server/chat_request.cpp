#include <array>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "server/openai_request.h"
#include "server/openai_sampling.h"
#include "server/reasoning_fields.h"
#include "server/tool_fields.h"

namespace holdfast {

namespace json = boost::json;

namespace {

constexpr size_t kMaxMessages = 10000;

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

// The content of one message as one string; parts are joined by a newline, the habit of the field's
// servers. Null (an assistant's turn that only called tools) stays null.
void normalize_content(RequestFields& fields, json::object& message, const std::string& at) {
  json::value* content = message.if_contains("content");
  if (!content || content->is_null()) {
    const json::string& role = message.at("role").get_string();
    if (role != "assistant") {
      fields.fail(at + ".content", fmt::format("'{}.content' is missing", at),
                  "missing_required_parameter");
    }
    return;
  }
  if (content->is_string()) return;
  const std::string param = at + ".content";
  if (!content->is_array()) {
    fields.fail(param,
                fmt::format("'{}' must be a string or an array of parts, not {}", param,
                            kind_name(*content)),
                "invalid_type");
    return;
  }
  std::string joined;
  const json::array& parts = content->get_array();
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string part_at = fmt::format("{}[{}]", param, i);
    const json::object* part = parts[i].if_object();
    const json::value* type = part ? part->if_contains("type") : nullptr;
    if (!type || !type->is_string()) {
      fields.fail(part_at, fmt::format("'{}' must be an object with a 'type'", part_at),
                  "invalid_type");
      return;
    }
    if (type->get_string() != "text") {
      fields.fail(part_at + ".type",
                  fmt::format("'{}.type' is '{}': this version takes text parts only", part_at,
                              view(type->get_string())),
                  "unsupported_parameter");
      return;
    }
    const json::value* text = part->if_contains("text");
    if (!text || !text->is_string()) {
      fields.fail(part_at + ".text", fmt::format("'{}.text' must be a string", part_at),
                  "invalid_type");
      return;
    }
    if (i > 0) joined += '\n';
    joined += view(text->get_string());
  }
  *content = joined;
}

void normalize_message(RequestFields& fields, json::value& value, const std::string& at) {
  json::object* message = value.if_object();
  if (!message) {
    fields.fail(at, fmt::format("'{}' must be an object, not {}", at, kind_name(value)),
                "invalid_type");
    return;
  }
  json::value* role = message->if_contains("role");
  if (!role || !role->is_string()) {
    fields.fail(at + ".role", fmt::format("'{}.role' must be a string", at),
                "missing_required_parameter");
    return;
  }
  constexpr std::array<std::string_view, 5> kRoles{"system", "developer", "user", "assistant",
                                                   "tool"};
  const std::string_view name = view(role->get_string());
  if (std::find(kRoles.begin(), kRoles.end(), name) == kRoles.end()) {
    fields.fail(at + ".role",
                fmt::format("'{}.role' is '{}'; it may be system, developer, user, assistant or "
                            "tool",
                            at, name),
                "invalid_value");
    return;
  }
  normalize_content(fields, *message, at);
  normalize_tool_calls(fields, *message, at);
  // Templates know one name for what an assistant thought.
  if (const json::value* found = message->if_contains("reasoning"); found && found->is_string()) {
    json::value reasoning = *found;
    message->erase("reasoning");
    if (!message->if_contains("reasoning_content"))
      (*message)["reasoning_content"] = std::move(reasoning);
  }
  // The models' templates know the older name only.
  if (name == "developer") *role = "system";
}

void read_messages(RequestFields& fields, json::object& body, OpenAiChatRequest& request) {
  json::value* messages = body.if_contains("messages");
  if (!messages || messages->is_null()) {
    fields.fail("messages", "'messages' is missing", "missing_required_parameter");
    return;
  }
  json::array* array = messages->if_array();
  if (!array) {
    fields.fail("messages",
                fmt::format("'messages' must be an array, not {}", kind_name(*messages)),
                "invalid_type");
    return;
  }
  if (array->empty() || array->size() > kMaxMessages) {
    fields.fail("messages", fmt::format("'messages' must hold 1 to {} messages", kMaxMessages),
                "invalid_value");
    return;
  }
  for (size_t i = 0; i < array->size() && !fields.error(); ++i) {
    normalize_message(fields, (*array)[i], fmt::format("messages[{}]", i));
  }
  if (!fields.error()) request.messages_json = json::serialize(*array);
}

// Fields of OpenAI's API that change the answer and that this version does not implement. Taking
// them in silence would be a lie about the answer.
void refuse_what_is_missing(RequestFields& fields) {
  const json::value* call = fields.find("function_call");
  if (call && !(call->is_string() && call->get_string() == "none")) fields.refuse("function_call");
  const json::value* functions = fields.find("functions");
  if (functions && !(functions->is_array() && functions->get_array().empty())) {
    fields.refuse("functions");
  }
  if (const json::value* modalities = fields.find("modalities")) {
    const json::array* array = modalities->if_array();
    if (!array || array->size() != 1 || !(*array)[0].is_string() ||
        (*array)[0].get_string() != "text") {
      fields.refuse("modalities", "the only modality is 'text'");
    }
  }
  for (const char* name : {"audio", "prediction", "web_search_options", "verbosity", "best_of"}) {
    fields.refuse(name);
  }
  if (fields.boolean("store").value_or(false)) fields.refuse("store", "nothing is stored");
}

}  // namespace

ApiResult<OpenAiChatRequest> parse_chat_request(std::string_view body) {
  auto parsed = parse_json_object(body);
  if (!parsed) return tl::unexpected(std::move(parsed).error());
  return parse_chat_object(parsed->get_object());
}

ApiResult<OpenAiChatRequest> parse_chat_object(json::object& object) {
  RequestFields fields(object);
  OpenAiChatRequest request;
  read_shared_fields(fields, request);
  refuse_what_is_missing(fields);

  const bool logprobs = fields.boolean("logprobs").value_or(false);
  const auto top = fields.integer("top_logprobs", 0, kMaxLogprobs);
  if (top && !logprobs) {
    fields.fail("top_logprobs", "'top_logprobs' needs 'logprobs' to be true", "invalid_value");
  }
  if (logprobs) request.options.logprobs = static_cast<int32_t>(top.value_or(0));
  if (const json::object* extra = fields.object("chat_template_kwargs")) {
    request.template_extra_json = json::serialize(*extra);
  }
  read_reasoning(fields, request);
  read_tools(fields, request);
  read_messages(fields, object, request);
  if (fields.error()) return tl::unexpected(*fields.error());
  return request;
}

}  // namespace holdfast
