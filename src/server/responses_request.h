// OpenAI's Responses API, read: its body becomes the body of a chat completion that asks for the
// same, so that one parser checks both families.
#pragma once

#include <string>
#include <string_view>

#include "server/api_error.h"
#include "server/openai_request.h"

namespace holdfast {

struct ResponsesRequest {
  OpenAiChatRequest chat;
  std::string previous_id;    // empty: a new conversation
  std::string messages_json;  // the conversation so far, without `instructions`
  std::string echo_json;      // members of the response object that repeat the request: "a":1,"b":2
  bool store = true;
};

// previous_response_id alone: whose messages parse_responses_request needs. Empty: none, or the
// body is wrong, which parsing it tells.
std::string previous_response_of(std::string_view body);

// `earlier_json`: the messages of the conversation that goes on, a JSON array; empty: none.
ApiResult<ResponsesRequest> parse_responses_request(std::string_view body,
                                                    std::string_view earlier_json);

}  // namespace holdfast
