#include <fmt/format.h>

#include "server/anthropic_format.h"
#include "server/anthropic_request.h"
#include "server/handlers.h"
#include "server/openai_format.h"
#include "server/submit.h"

namespace holdfast {

namespace {

constexpr std::string_view kRoute = "/v1/messages";

ApiResult<std::unique_ptr<Answer>> start_message(const Call& call) {
  if (auto ok = check_json_body(call.request); !ok) return tl::unexpected(std::move(ok).error());
  auto parsed = parse_messages_request(call.request.body, false);
  if (!parsed) return tl::unexpected(std::move(parsed).error());
  auto started = start_chat(call, kRoute, parsed->chat);
  if (!started) return tl::unexpected(std::move(started).error());
  auto format =
      make_anthropic_format({random_id("msg_"), started->model->id(), parsed->shows_thinking});
  return make_answer(call, kRoute, parsed->chat, std::move(*started), std::move(format));
}

ApiResult<HttpResponse> count_tokens(const Call& call) {
  if (auto ok = check_json_body(call.request); !ok) return tl::unexpected(std::move(ok).error());
  auto parsed = parse_messages_request(call.request.body, true);
  if (!parsed) return tl::unexpected(std::move(parsed).error());
  const auto model = call.app.find_model(parsed->chat.model, call.caller);
  if (!model) return tl::unexpected(model.error());
  const auto tokens = (*model)->prompt_tokens(chat_of(parsed->chat));
  if (!tokens) return tl::unexpected(submit_error(tokens.error(), "messages"));
  return HttpResponse{.body = fmt::format(R"({{"input_tokens":{}}})", tokens->size())};
}

}  // namespace

Reply handle_messages(const Call& call) {
  auto answer = start_message(call);
  if (!answer) return answer.error().response(ErrorForm::kAnthropic);
  return std::move(*answer);
}

Reply handle_count_tokens(const Call& call) {
  auto response = count_tokens(call);
  if (!response) return response.error().response(ErrorForm::kAnthropic);
  return std::move(*response);
}

}  // namespace holdfast
