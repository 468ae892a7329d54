// text_completion objects, streamed and whole.
#pragma once

#include <memory>
#include <vector>

#include "server/generation_answer.h"
#include "server/openai_format.h"

namespace holdfast {

std::unique_ptr<AnswerFormat> make_completion_format(Envelope envelope, int32_t choices,
                                                     bool logprobs, bool with_usage);

}  // namespace holdfast
