// From a parsed request to running generations.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "server/answer_audit.h"
#include "server/app.h"
#include "server/generation_answer.h"
#include "server/openai_request.h"

namespace holdfast {

using TextStreams = std::vector<std::unique_ptr<TextStream>>;

// 415 when a request names a body type other than JSON.
ApiResult<void> check_json_body(const HttpRequest& request);

// What the caller's identity and grants say of the request: whose it is, in caches and in the line,
// how urgent it may be, and by when it must end. 403 for a class that is not the caller's.
ApiResult<void> apply_caller(const Call& call, OpenAiRequest& request);

// What only the model knows: its makers' sampling defaults, for what the client left open, whether
// logit_bias names tokens it has, and the constraint over its vocabulary.
ApiResult<void> fit_to_model(ServedModel& model, OpenAiRequest& request);

// Submits request.candidates() generations of one prompt and appends their streams; choice i draws
// with seed + i. `start` submits one. `param` is the field that holds the prompt, for errors. On
// failure the caller drops the streams, which cancels those already running.
ApiResult<void> submit_choices(
    const ServedModel& model, const OpenAiRequest& request, std::string_view param,
    const std::function<Result<std::unique_ptr<TextStream>>(const TextOptions&)>& start,
    TextStreams& streams);

// 503 when this route's answers must be on record and cannot be.
ApiResult<void> check_audit(const App& app, std::string_view route);

// The messages as the model takes them; `request`'s first choice.
ChatRequest chat_of(const OpenAiChatRequest& request);

// Generations that run, of a model.
struct Started {
  ServedModel* model = nullptr;
  TextStreams streams;
};
// Of a chat, whatever family asked: finds the model, completes `request` with what only the model
// knows, and submits it.
ApiResult<Started> start_chat(const Call& call, std::string_view route, OpenAiChatRequest& request);

// Their answer in its family's form; goes on record and is measured.
std::unique_ptr<Answer> make_answer(const Call& call, std::string_view route,
                                    const OpenAiRequest& request, Started started,
                                    std::unique_ptr<AnswerFormat> format);

}  // namespace holdfast
