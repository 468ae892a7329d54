#include "server/chat_format.h"
#include "server/handlers.h"
#include "server/submit.h"
#include "server/unix_time.h"

namespace holdfast {

namespace {

constexpr std::string_view kRoute = "/v1/chat/completions";

ApiResult<std::unique_ptr<Answer>> start_chat(const Call& call) {
  const HttpRequest& http = call.request;
  if (auto ok = check_json_body(http); !ok) return tl::unexpected(std::move(ok).error());
  auto parsed = parse_chat_request(http.body);
  if (!parsed) return tl::unexpected(std::move(parsed).error());
  OpenAiChatRequest& request = *parsed;
  const auto found = call.app.find_model(request.model, call.caller);
  if (!found) return tl::unexpected(found.error());
  ServedModel& model = **found;
  request.options.cache_salt = call.caller.cache_salt();
  if (auto ok = fit_to_model(model, request); !ok) {
    return tl::unexpected(std::move(ok).error());
  }
  if (auto ok = check_audit(call.app, kRoute); !ok) return tl::unexpected(std::move(ok).error());

  ChatRequest chat;
  chat.messages_json = request.messages_json;
  chat.template_extra_json = request.template_extra_json;
  TextStreams streams;
  const auto start = [&](const TextOptions& options) {
    chat.options = options;
    return model.chat(chat);
  };
  if (auto ok = submit_choices(model, request, "messages", start, streams); !ok) {
    return tl::unexpected(std::move(ok).error());
  }
  auto audit = begin_audit(call, kRoute, model, request, streams);
  Envelope envelope{random_id("chatcmpl-"), model.id(), system_fingerprint(model), unix_time()};
  return std::make_unique<GenerationAnswer>(
      std::move(streams),
      make_chat_format(std::move(envelope), request.options.logprobs >= 0, request.include_usage),
      GenerationAnswerOptions{.stream = request.stream,
                              .include_usage = request.include_usage,
                              .choices_per_prompt = request.n,
                              .best_per_prompt = request.n,
                              .hide_reasoning = !call.caller.grants.shows_thinking},
      std::move(audit));
}

}  // namespace

Reply handle_chat_completions(const Call& call) {
  auto answer = start_chat(call);
  if (!answer) return answer.error().response();
  return std::move(*answer);
}

}  // namespace holdfast
