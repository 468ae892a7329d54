#include "server/tool_fields.h"

#include <algorithm>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

namespace holdfast {

namespace json = boost::json;

namespace {

// OpenAI's rule, and dots, which others allow.
bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

const json::object* member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value ? value->if_object() : nullptr;
}

std::string_view text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (!value || !value->is_string()) return {};
  return {value->get_string().data(), value->get_string().size()};
}

void read_tool(RequestFields& fields, const json::value& value, const std::string& at,
               OpenAiChatRequest& request) {
  const json::object* tool = value.if_object();
  if (!tool || text_of(*tool, "type") != "function" || !member(*tool, "function")) {
    fields.fail(at, fmt::format("'{}' must be {{\"type\": \"function\", \"function\": …}}", at),
                "invalid_value");
    return;
  }
  const json::object& function = *member(*tool, "function");
  const std::string_view name = text_of(function, "name");
  if (!is_name(name)) {
    fields.fail(
        at + ".function.name",
        fmt::format("'{}.function.name' must be 1 to 64 letters, digits, '_', '-' or '.'", at),
        "invalid_value");
    return;
  }
  const json::value* parameters = function.if_contains("parameters");
  if (parameters && !parameters->is_null() && !parameters->is_object()) {
    fields.fail(at + ".function.parameters",
                fmt::format("'{}.function.parameters' must be a JSON schema", at), "invalid_type");
    return;
  }
  request.tool_names.emplace_back(name);
}

enum class Choice { kNone, kAuto, kRequired, kNamed };

Choice read_choice(RequestFields& fields, std::string& name) {
  const json::value* choice = fields.find("tool_choice");
  if (!choice) return Choice::kAuto;
  if (choice->is_string()) {
    const auto& word = choice->get_string();
    if (word == "none") return Choice::kNone;
    if (word == "auto") return Choice::kAuto;
    if (word == "required") return Choice::kRequired;
  } else if (const json::object* object = choice->if_object()) {
    const json::object* function = member(*object, "function");
    if (function && text_of(*object, "type") == "function") {
      name = text_of(*function, "name");
      return Choice::kNamed;
    }
  }
  fields.fail("tool_choice",
              "'tool_choice' may be none, auto, required, or "
              "{\"type\": \"function\", \"function\": {\"name\": …}}",
              "invalid_value");
  return Choice::kAuto;
}

}  // namespace

void read_tools(RequestFields& fields, OpenAiChatRequest& request) {
  std::string name;
  const Choice choice = read_choice(fields, name);
  request.parallel_tool_calls = fields.boolean("parallel_tool_calls").value_or(true);
  const json::value* tools = fields.find("tools");
  if (tools && !tools->is_array()) {
    fields.fail("tools", fmt::format("'tools' must be an array, not {}", kind_name(*tools)),
                "invalid_type");
    return;
  }
  if (!tools || tools->get_array().empty()) {
    if (choice == Choice::kRequired || choice == Choice::kNamed)
      fields.fail("tool_choice", "'tool_choice' asks for a call, and there are no 'tools'",
                  "invalid_value");
    return;
  }
  const json::array& array = tools->get_array();
  if (array.size() > kMaxTools) {
    fields.fail("tools", fmt::format("'tools' may hold at most {}", kMaxTools), "invalid_value");
    return;
  }
  for (size_t i = 0; i < array.size() && !fields.error(); ++i)
    read_tool(fields, array[i], fmt::format("tools[{}]", i), request);
  if (choice == Choice::kNamed && std::find(request.tool_names.begin(), request.tool_names.end(),
                                            name) == request.tool_names.end()) {
    fields.fail("tool_choice", fmt::format("'tool_choice' names '{}', which is no tool", name),
                "invalid_value");
  }
  if (choice == Choice::kRequired || choice == Choice::kNamed)
    fields.refuse("tool_choice", "calls can be allowed (auto), not demanded");
  if (choice != Choice::kNone) request.tools_json = json::serialize(array);
}

void normalize_tool_calls(RequestFields& fields, json::object& message, const std::string& at) {
  json::value* calls = message.if_contains("tool_calls");
  if (!calls) return;
  if (calls->is_null() || (calls->is_array() && calls->get_array().empty())) {
    message.erase("tool_calls");  // templates look at whether it is there
    return;
  }
  const std::string param = at + ".tool_calls";
  if (!calls->is_array()) {
    fields.fail(param, fmt::format("'{}' must be an array", param), "invalid_type");
    return;
  }
  json::array& array = calls->get_array();
  for (size_t i = 0; i < array.size(); ++i) {
    const std::string call_at = fmt::format("{}[{}].function", param, i);
    json::object* call = array[i].if_object();
    json::value* value = call ? call->if_contains("function") : nullptr;
    json::object* function = value ? value->if_object() : nullptr;
    if (!function || text_of(*function, "name").empty()) {
      fields.fail(call_at, fmt::format("'{}' must be an object with a 'name'", call_at),
                  "invalid_value");
      return;
    }
    json::value& arguments = (*function)["arguments"];
    if (arguments.is_null() || (arguments.is_string() && arguments.get_string().empty()))
      arguments = "{}";
    if (!arguments.is_string()) {
      fields.fail(call_at + ".arguments",
                  fmt::format("'{}.arguments' must be a string of JSON", call_at), "invalid_type");
      return;
    }
    if (!call->contains("type")) (*call)["type"] = "function";
  }
}

}  // namespace holdfast
