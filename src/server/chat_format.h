// chat.completion and chat.completion.chunk objects.
#pragma once

#include <memory>

#include "server/generation_answer.h"
#include "server/openai_format.h"

namespace holdfast {

// `with_usage`: every chunk carries "usage": null, as OpenAI's do when a usage chunk will follow.
std::unique_ptr<AnswerFormat> make_chat_format(Envelope envelope, bool logprobs, bool with_usage);

}  // namespace holdfast
