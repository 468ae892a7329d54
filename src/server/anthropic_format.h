// Answers in Anthropic's form: blocks of content, and events that open, fill and close them.
#pragma once

#include <memory>
#include <string>

#include "server/generation_answer.h"

namespace holdfast {

struct AnthropicEnvelope {
  std::string id;  // "msg_..."
  std::string model;
  bool shows_thinking = false;
};

std::unique_ptr<AnswerFormat> make_anthropic_format(AnthropicEnvelope envelope);

}  // namespace holdfast
