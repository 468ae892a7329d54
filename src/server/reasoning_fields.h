// How much a chat's model thinks, and what of it is shown: the names of several families of APIs
// for the same things.
#pragma once

#include "access/policy.h"
#include "server/openai_request.h"
#include "server/request_fields.h"

namespace holdfast {

// reasoning {enabled, effort, max_tokens, exclude, visibility, stop_loops}, reasoning_effort,
// thinking_budget (or thinking_token_budget), include_reasoning. Errors stay in `fields`.
void read_reasoning(RequestFields& fields, OpenAiChatRequest& request);
// No more than the caller may: budget and view become those that hold.
void narrow_reasoning(const Grants& grants, OpenAiChatRequest& request);

}  // namespace holdfast
