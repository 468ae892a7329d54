#include "server/chat_format.h"
#include "server/handlers.h"
#include "server/submit.h"
#include "server/unix_time.h"

namespace holdfast {

namespace {

constexpr std::string_view kRoute = "/v1/chat/completions";

ApiResult<std::unique_ptr<Answer>> start(const Call& call) {
  if (auto ok = check_json_body(call.request); !ok) return tl::unexpected(std::move(ok).error());
  auto request = parse_chat_request(call.request.body);
  if (!request) return tl::unexpected(std::move(request).error());
  auto started = start_chat(call, kRoute, *request);
  if (!started) return tl::unexpected(std::move(started).error());
  const ServedModel& model = *started->model;
  Envelope envelope{random_id("chatcmpl-"), model.id(), system_fingerprint(model), unix_time()};
  return make_answer(
      call, kRoute, *request, std::move(*started),
      make_chat_format(std::move(envelope), {.logprobs = request->options.logprobs >= 0,
                                             .with_usage = request->include_usage,
                                             .reasoning = call.app.reasoning_field}));
}

}  // namespace

Reply handle_chat_completions(const Call& call) {
  auto answer = start(call);
  if (!answer) return answer.error().response();
  return std::move(*answer);
}

}  // namespace holdfast
