// Anthropic's Messages API, read: its body becomes the body of a chat completion that asks for the
// same, so that one parser checks both families.
#pragma once

#include <string_view>

#include "server/api_error.h"
#include "server/openai_request.h"

namespace holdfast {

struct AnthropicRequest {
  OpenAiChatRequest chat;
  bool shows_thinking = false;  // the client asked for thinking blocks
};

// `counts_only`: /v1/messages/count_tokens, which asks for no answer and has no max_tokens.
ApiResult<AnthropicRequest> parse_messages_request(std::string_view body, bool counts_only);

}  // namespace holdfast
