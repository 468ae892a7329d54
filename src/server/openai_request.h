// The JSON bodies of OpenAI's chat and text completions, parsed and checked. Nothing here knows
// the model: what depends on it (its context, its vocabulary) is checked by the routes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/json/fwd.hpp>

#include "access/policy.h"
#include "engine/served_model.h"
#include "grammar/compile.h"
#include "server/api_error.h"

namespace holdfast {

// What the answer must be, and the field that says so.
struct RequestedConstraint {
  grammar::ConstraintSpec spec;
  std::string param;
};

// What both families have in common. options.seed is the first choice's; choice i gets seed + i.
struct OpenAiRequest {
  std::string model;
  bool stream = false;
  bool include_usage = false;
  int32_t n = 1;
  int32_t best_of = 0;  // choices are made, and the n best given; 0: n
  int32_t candidates() const { return std::max(n, best_of); }  // of each prompt
  // Of chats.
  ReasoningOptions reasoning;
  std::optional<ThinkingView> view;  // of the thinking, as far as the caller may see it
  TextOptions options;               // logprobs: -1 when not asked for
  std::optional<RequestedConstraint> constraint;
  // Which of the options came from the client. The model's makers' defaults stand for the others;
  // a max_tokens of ours ends at the context, one of the client's must fit.
  bool has_temperature = false, has_top_p = false, has_top_k = false, has_min_p = false;
  bool has_max_tokens = false;
  std::optional<Priority> priority;  // none: what the caller's roles give
  std::optional<double> timeout;     // seconds from now, for all of the answer
};

struct OpenAiChatRequest : OpenAiRequest {
  std::string messages_json;        // roles checked, text parts joined by a newline
  std::string template_extra_json;  // chat_template_kwargs, or empty
  std::string tools_json;           // empty: none, or none to be called
  std::vector<std::string> tool_names;
  bool parallel_tool_calls = true;
};

struct OpenAiCompletionRequest : OpenAiRequest {
  std::vector<std::variant<std::string, std::vector<int32_t>>> prompts;  // at least one
  bool echo = false;
};

ApiResult<OpenAiChatRequest> parse_chat_request(std::string_view body);
// The same of a body that is parsed already; takes it apart. Other families translate theirs to it.
ApiResult<OpenAiChatRequest> parse_chat_object(boost::json::object& body);
ApiResult<OpenAiCompletionRequest> parse_completion_request(std::string_view body);

}  // namespace holdfast
