// Answers in the form of OpenAI's Responses API: items of output, and numbered events.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "server/generation_answer.h"

namespace holdfast {

struct ResponsesEnvelope {
  std::string id;  // "resp_..."
  std::string model;
  int64_t created = 0;    // seconds since 1970
  std::string echo_json;  // members that repeat the request (responses_request.h)
  // Called with the response object and the answer's text once the answer is complete.
  std::function<void(const std::string& response, const std::string& reasoning,
                     const std::string& content)>
      keep;
};

std::unique_ptr<AnswerFormat> make_responses_format(ResponsesEnvelope envelope);

}  // namespace holdfast
