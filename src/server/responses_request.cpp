#include "server/responses_request.h"

#include <boost/json/parse.hpp>
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

// From items to chat messages. Keeps the first error.
class Translator {
 public:
  Translator(RequestFields& fields, json::array& messages) : fields_(fields), messages_(messages) {}

  void input(const json::value& value) {
    if (const json::string* text = value.if_string()) {
      messages_.push_back(json::object{{"role", "user"}, {"content", *text}});
      return;
    }
    const json::array* items = value.if_array();
    if (!items) return fail("input", "'input' must be a string or an array of items");
    for (size_t i = 0; i < items->size() && !fields_.error(); ++i) {
      item((*items)[i], fmt::format("input[{}]", i));
    }
    flush();
  }

 private:
  void fail(const std::string& param, std::string message) {
    fields_.fail(param, std::move(message), "invalid_value");
  }

  void item(const json::value& value, const std::string& at) {
    const json::object* item = value.if_object();
    if (!item) return fail(at, fmt::format("'{}' must be an object", at));
    const json::string* type = string_of(*item, "type");
    const std::string_view kind = type ? view(*type) : "message";
    if (kind == "message") return message(*item, at);
    if (kind == "reasoning") return reasoning(*item, at);
    if (kind == "function_call") return call(*item, at);
    if (kind == "function_call_output") return call_output(*item, at);
    fields_.fail(at + ".type",
                 fmt::format("'{}' is of type '{}', which this version does not take", at, kind),
                 "unsupported_parameter");
  }

  // Text parts of any of the API's names, joined by line breaks.
  std::string text_of(const json::value* content, const std::string& at) {
    if (content && content->is_string()) return std::string(view(content->get_string()));
    const json::array* parts = content ? content->if_array() : nullptr;
    if (!parts) {
      fail(at, fmt::format("'{}' must be a string or an array of parts", at));
      return {};
    }
    std::string text;
    for (size_t i = 0; i < parts->size(); ++i) {
      const std::string where = fmt::format("{}[{}]", at, i);
      const json::object* part = (*parts)[i].if_object();
      const json::string* type = part ? string_of(*part, "type") : nullptr;
      const std::string_view kind = type ? view(*type) : "";
      const json::string* piece = part ? string_of(*part, "text") : nullptr;
      const bool is_text = kind == "input_text" || kind == "output_text" || kind == "text" ||
                           kind == "reasoning_text" || kind == "summary_text";
      if (!is_text || !piece) {
        fields_.fail(where,
                     fmt::format("'{}' is no text part, and this version takes no others", where),
                     "unsupported_parameter");
        return {};
      }
      if (i > 0) text += '\n';
      text += view(*piece);
    }
    return text;
  }

  void message(const json::object& item, const std::string& at) {
    const json::string* role = string_of(item, "role");
    if (!role) return fail(at + ".role", fmt::format("'{}.role' must be a string", at));
    const std::string text = text_of(item.if_contains("content"), at + ".content");
    if (*role != "assistant") {
      flush();
      messages_.push_back(json::object{{"role", *role}, {"content", text}});
      return;
    }
    if (turn_.contains("content")) flush();
    turn_["content"] = text;
  }

  void reasoning(const json::object& item, const std::string& at) {
    if (!turn_.empty()) flush();
    const json::value* content = item.if_contains("content");
    if (!content || content->is_null()) content = item.if_contains("summary");
    if (content) turn_["reasoning_content"] = text_of(content, at + ".content");
  }

  void call(const json::object& item, const std::string& at) {
    const json::string* id = string_of(item, "call_id");
    const json::string* name = string_of(item, "name");
    const json::string* arguments = string_of(item, "arguments");
    if (!id || !name || !arguments) {
      return fail(at, fmt::format("'{}' needs 'call_id', 'name' and 'arguments', all strings", at));
    }
    json::array& calls = turn_["tool_calls"].is_array() ? turn_["tool_calls"].get_array()
                                                        : turn_["tool_calls"].emplace_array();
    calls.push_back(
        json::object{{"id", *id},
                     {"type", "function"},
                     {"function", json::object{{"name", *name}, {"arguments", *arguments}}}});
  }

  void call_output(const json::object& item, const std::string& at) {
    flush();
    const json::string* id = string_of(item, "call_id");
    if (!id) return fail(at + ".call_id", fmt::format("'{}.call_id' must be a string", at));
    messages_.push_back(
        json::object{{"role", "tool"},
                     {"tool_call_id", *id},
                     {"content", text_of(item.if_contains("output"), at + ".output")}});
  }

  // What the assistant thought, said and called is one message.
  void flush() {
    if (turn_.empty()) return;
    turn_["role"] = "assistant";
    if (!turn_.contains("content")) turn_["content"] = "";
    messages_.push_back(std::move(turn_));
    turn_ = {};
  }

  RequestFields& fields_;
  json::array& messages_;
  json::object turn_;  // the assistant's, being put together
};

void translate_tools(RequestFields& fields, json::object& chat) {
  const json::value* tools = fields.find("tools");
  const json::array* array = tools ? tools->if_array() : nullptr;
  if (tools && !array) return fields.fail("tools", "'tools' must be an array", "invalid_type");
  json::array out;
  for (size_t i = 0; array && i < array->size(); ++i) {
    const json::object* tool = (*array)[i].if_object();
    const json::string* type = tool ? string_of(*tool, "type") : nullptr;
    if (!type || *type != "function") {
      return fields.fail(fmt::format("tools[{}].type", i),
                         "tools of other types than 'function' are run by nobody here",
                         "unsupported_parameter");
    }
    json::object function;
    for (const char* name : {"name", "description", "parameters", "strict"}) {
      if (const json::value* member = tool->if_contains(name)) function[name] = *member;
    }
    out.push_back(json::object{{"type", "function"}, {"function", std::move(function)}});
  }
  if (out.empty()) return;
  chat["tools"] = std::move(out);
  const json::value* choice = fields.find("tool_choice");
  if (!choice) return;
  const json::object* named = choice->if_object();
  if (!named) {
    chat["tool_choice"] = *choice;
  } else if (const json::value* name = named->if_contains("name")) {
    chat["tool_choice"] =
        json::object{{"type", "function"}, {"function", json::object{{"name", *name}}}};
  }
}

void translate_text(RequestFields& fields, json::object& chat) {
  const json::object* text = fields.object("text");
  const json::value* format = text ? text->if_contains("format") : nullptr;
  const json::object* wanted = format ? format->if_object() : nullptr;
  if (!wanted) return;
  const json::string* type = string_of(*wanted, "type");
  if (!type || *type != "json_schema") {
    chat["response_format"] = *wanted;
    return;
  }
  json::object schema;
  for (const char* name : {"name", "description", "schema", "strict"}) {
    if (const json::value* member = wanted->if_contains(name)) schema[name] = *member;
  }
  chat["response_format"] = json::object{{"type", *type}, {"json_schema", std::move(schema)}};
}

// What the response object repeats of the request.
std::string echo_of(const RequestFields& fields) {
  struct Echo {
    const char* name;
    json::value otherwise;
  };
  const Echo echoes[] = {{"instructions", nullptr},
                         {"max_output_tokens", nullptr},
                         {"metadata", json::object()},
                         {"parallel_tool_calls", true},
                         {"previous_response_id", nullptr},
                         {"reasoning", json::object{{"effort", nullptr}, {"summary", nullptr}}},
                         {"temperature", 1.0},
                         {"text", json::object{{"format", json::object{{"type", "text"}}}}},
                         {"tool_choice", "auto"},
                         {"tools", json::array()},
                         {"top_p", 1.0},
                         {"truncation", "disabled"},
                         {"store", true},
                         {"user", nullptr}};
  json::object out;
  for (const Echo& echo : echoes) {
    const json::value* given = fields.find(echo.name);
    out[echo.name] = given ? *given : echo.otherwise;
  }
  const std::string text = json::serialize(out);
  return text.substr(1, text.size() - 2);
}

}  // namespace

std::string previous_response_of(std::string_view body) {
  const auto parsed = parse_json_object(body);
  if (!parsed) return {};
  const json::string* id = string_of(parsed->get_object(), "previous_response_id");
  return id ? std::string(view(*id)) : std::string();
}

ApiResult<ResponsesRequest> parse_responses_request(std::string_view body,
                                                    std::string_view earlier_json) {
  auto parsed = parse_json_object(body);
  if (!parsed) return tl::unexpected(std::move(parsed).error());
  RequestFields fields(parsed->get_object());
  ResponsesRequest out;
  json::object chat;
  for (const char* name : {"model", "temperature", "top_p", "stream", "top_logprobs",
                           "parallel_tool_calls", "seed", "top_k", "min_p", "stop"}) {
    if (const json::value* value = fields.find(name)) chat[name] = *value;
  }
  if (chat.contains("top_logprobs")) chat["logprobs"] = true;
  if (const auto most = fields.integer("max_output_tokens", 1)) {
    chat["max_completion_tokens"] = *most;
  }
  if (const json::object* reasoning = fields.object("reasoning")) {
    if (const json::value* effort = reasoning->if_contains("effort")) {
      chat["reasoning_effort"] = *effort;
    }
  }
  const auto instructions = fields.string("instructions");
  out.store = fields.boolean("store").value_or(true);
  out.previous_id = fields.string("previous_response_id").value_or("");
  if (fields.boolean("background").value_or(false)) {
    fields.refuse("background", "use /v1/batches");
  }
  if (fields.string("truncation").value_or("disabled") != "disabled") {
    fields.refuse("truncation", "nothing is ever cut to fit");
  }
  for (const char* name : {"conversation", "prompt"}) fields.refuse(name);

  json::array messages;
  if (!earlier_json.empty()) {
    json::error_code ec;
    const json::value earlier = json::parse({earlier_json.data(), earlier_json.size()}, ec);
    if (!ec && earlier.is_array()) messages = earlier.get_array();
  }
  if (const json::value* input = fields.find("input")) {
    Translator(fields, messages).input(*input);
  } else {
    fields.fail("input", "'input' is missing", "missing_required_parameter");
  }
  translate_tools(fields, chat);
  translate_text(fields, chat);
  if (fields.error()) return tl::unexpected(*fields.error());
  out.messages_json = json::serialize(messages);
  if (instructions) {
    messages.insert(messages.begin(), json::object{{"role", "system"}, {"content", *instructions}});
  }
  chat["messages"] = std::move(messages);
  out.echo_json = echo_of(fields);
  auto request = parse_chat_object(chat);
  if (!request) return tl::unexpected(std::move(request).error());
  if (!request->tools_json.empty()) {
    return api_fail(400, "'tools' are not supported on this route: use /v1/chat/completions",
                    "unsupported_parameter", "tools");
  }
  out.chat = std::move(*request);
  return out;
}

}  // namespace holdfast
