// chat.completion and chat.completion.chunk objects.
#pragma once

#include <memory>

#include "server/generation_answer.h"
#include "server/openai_format.h"
#include "server/reasoning_field.h"

namespace holdfast {

// `with_usage`: every chunk carries "usage": null, as OpenAI's do when a usage chunk will follow.
struct ChatFormatOptions {
  bool logprobs = false, with_usage = false;
  ReasoningField reasoning = ReasoningField::kReasoningContent;
};

std::unique_ptr<AnswerFormat> make_chat_format(Envelope envelope, const ChatFormatOptions& options);

}  // namespace holdfast
