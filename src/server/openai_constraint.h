// What a request says about the form of its answer: response_format, guided_*, grammar.
#pragma once

#include "server/openai_request.h"
#include "server/request_fields.h"

namespace holdfast {

// Reads OpenAI's response_format, vLLM's guided_json, guided_regex, guided_choice, guided_grammar
// and structured_outputs, and llama-server's grammar and json_schema. At most one of them.
void read_constraint(RequestFields& fields, OpenAiRequest& request);

}  // namespace holdfast
