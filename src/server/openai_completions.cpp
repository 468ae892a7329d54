#include "server/completion_format.h"
#include "server/handlers.h"
#include "server/submit.h"
#include "server/unix_time.h"

namespace holdfast {

namespace {

constexpr std::string_view kRoute = "/v1/completions";

ApiResult<std::unique_ptr<Answer>> start_completion(const Call& call) {
  const HttpRequest& http = call.request;
  if (call.caller.grants.thinking != ThinkingView::kShown) {
    return api_fail(403,
                    "You may not see models think, and a raw completion could show it: use "
                    "/v1/chat/completions",
                    "thinking_hidden");
  }
  if (auto ok = check_json_body(http); !ok) return tl::unexpected(std::move(ok).error());
  auto parsed = parse_completion_request(http.body);
  if (!parsed) return tl::unexpected(std::move(parsed).error());
  OpenAiCompletionRequest& request = *parsed;
  const auto found = call.app.find_model(request.model, call.caller);
  if (!found) return tl::unexpected(found.error());
  ServedModel& model = **found;
  if (auto ok = apply_caller(call, request); !ok) return tl::unexpected(std::move(ok).error());
  if (auto ok = fit_to_model(model, request); !ok) {
    return tl::unexpected(std::move(ok).error());
  }
  if (auto ok = check_audit(call.app, kRoute); !ok) return tl::unexpected(std::move(ok).error());

  const bool logprobs = request.options.logprobs >= 0;
  if (request.best_of > request.n && !logprobs) request.options.logprobs = 0;  // to know the best
  Started started{&model, {}};
  for (const auto& prompt : request.prompts) {
    CompletionRequest completion;
    completion.echo = request.echo;
    if (const auto* text = std::get_if<std::string>(&prompt)) {
      completion.prompt = *text;
    } else {
      completion.prompt_tokens = std::get<std::vector<int32_t>>(prompt);
    }
    const auto start = [&](const TextOptions& options) {
      completion.options = options;
      return model.complete(completion);
    };
    if (auto ok = submit_choices(model, request, "prompt", start, started.streams); !ok) {
      return tl::unexpected(std::move(ok).error());
    }
  }
  const auto choices = static_cast<int32_t>(started.streams.size());
  Envelope envelope{random_id("cmpl-"), model.id(), system_fingerprint(model), unix_time()};
  return make_answer(
      call, kRoute, request, std::move(started),
      make_completion_format(std::move(envelope), choices, logprobs, request.include_usage));
}

}  // namespace

Reply handle_completions(const Call& call) {
  auto answer = start_completion(call);
  if (!answer) return answer.error().response();
  return std::move(*answer);
}

}  // namespace holdfast
