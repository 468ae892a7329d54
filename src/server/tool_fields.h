// Tools in requests: what there is to call, whether it may be called, and former calls in messages.
#pragma once

#include <string>

#include <boost/json/fwd.hpp>

#include "server/openai_request.h"
#include "server/request_fields.h"

namespace holdfast {

inline constexpr size_t kMaxTools = 128;

// tools, tool_choice, parallel_tool_calls. Errors stay in `fields`.
void read_tools(RequestFields& fields, OpenAiChatRequest& request);
// The calls of one message: each a function with a name and arguments as JSON text. `at` is where
// the message stands.
void normalize_tool_calls(RequestFields& fields, boost::json::object& message,
                          const std::string& at);

}  // namespace holdfast
