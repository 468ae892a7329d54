#include "server/submit.h"

#include <algorithm>
#include <cctype>
#include <chrono>

#include <fmt/format.h>

#include "engine/waiting_line.h"
#include "server/reasoning_fields.h"

namespace holdfast {

ApiResult<void> check_json_body(const HttpRequest& request) {
  std::string type(request.field("content-type"));
  std::transform(type.begin(), type.end(), type.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (type.empty() || type.starts_with("application/json")) return {};
  return api_fail(415, "The body must be JSON: send 'content-type: application/json'",
                  "unsupported_media_type");
}

ApiResult<void> apply_caller(const Call& call, OpenAiRequest& request) {
  const Caller& caller = call.caller;
  request.options.cache_salt = caller.cache_salt();
  Standing& standing = request.options.standing;
  standing.tenant = caller.cache_salt();
  standing.weight = static_cast<double>(caller.tenant_weight);
  const Priority highest = caller.grants.priority;
  standing.priority = std::min(Priority::kNormal, highest);
  if (request.priority) {
    if (*request.priority > highest) {
      return api_fail(
          403, fmt::format("Your requests are of priority '{}' at most", priority_name(highest)),
          "priority_not_allowed", "priority");
    }
    standing.priority = *request.priority;
  }
  double seconds = call.app.request_timeout > 0 ? call.app.request_timeout : 0.0;
  if (request.timeout)
    seconds = seconds > 0 ? std::min(seconds, *request.timeout) : *request.timeout;
  if (seconds > 0) {
    standing.deadline = std::chrono::steady_clock::now() +
                        std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000.0));
  }
  return {};
}

ApiResult<void> fit_to_model(ServedModel& model, OpenAiRequest& request) {
  const SamplingDefaults& defaults = model.config().sampling;
  SamplingParams& sampling = request.options.sampling;
  if (!request.has_temperature) sampling.temperature = defaults.temperature.value_or(1.0f);
  if (!request.has_top_p) sampling.top_p = defaults.top_p.value_or(1.0f);
  if (!request.has_min_p) sampling.min_p = defaults.min_p.value_or(0.0f);
  if (!request.has_top_k) sampling.top_k = defaults.top_k.value_or(0);
  const int32_t vocab = model.tokenizer().vocab_size();
  for (const auto& [token, bias] : request.options.sampling.logit_bias) {
    if (token < vocab) continue;
    return api_fail(400,
                    fmt::format("'logit_bias' names token {}, and this model has {}", token, vocab),
                    "invalid_value", "logit_bias");
  }
  if (request.constraint) {
    auto constraint = model.constraint(request.constraint->spec);
    if (!constraint) {
      const Error& error = constraint.error();
      return api_fail(400, fmt::format("'{}': {}", request.constraint->param, to_string(error)),
                      error.code == Code::kUnimplemented ? "unsupported_value" : "invalid_value",
                      request.constraint->param);
    }
    request.options.constraint = std::move(*constraint);
  }
  return {};
}

ApiResult<void> submit_choices(
    const ServedModel& model, const OpenAiRequest& request, std::string_view param,
    const std::function<Result<std::unique_ptr<TextStream>>(const TextOptions&)>& start,
    TextStreams& streams) {
  for (int32_t i = 0; i < request.candidates(); ++i) {
    TextOptions options = request.options;
    if (options.seed) *options.seed += static_cast<uint64_t>(i);
    auto stream = start(options);
    if (!stream) {
      ApiError error = submit_error(stream.error(), param);
      if (error.status == 429 || error.status == 503) {  // the line is too long
        error.fields.emplace_back("retry-after",
                                  std::to_string(retry_after_seconds(model.stats().wait_seconds)));
      }
      return tl::unexpected(std::move(error));
    }
    const int64_t prompt = (*stream)->usage().prompt_tokens;
    if (request.has_max_tokens && prompt + options.max_tokens > model.context()) {
      return tl::unexpected(context_overflow(model.context(), prompt, options.max_tokens, param));
    }
    streams.push_back(std::move(*stream));
  }
  return {};
}

ApiResult<void> check_audit(const App& app, std::string_view route) {
  if (!app.auditor) return {};
  return app.auditor->check_ready(route);
}

ChatRequest chat_of(const OpenAiChatRequest& request) {
  ChatRequest chat;
  chat.messages_json = request.messages_json;
  chat.template_extra_json = request.template_extra_json;
  chat.tools_json = request.tools_json;
  chat.tool_names = request.tool_names;
  chat.parallel_tool_calls = request.parallel_tool_calls;
  chat.reasoning = request.reasoning;
  chat.options = request.options;
  return chat;
}

ApiResult<Started> start_chat(const Call& call, std::string_view route,
                              OpenAiChatRequest& request) {
  const auto found = call.app.find_model(request.model, call.caller);
  if (!found) return tl::unexpected(found.error());
  Started out{*found, {}};
  if (auto ok = apply_caller(call, request); !ok) return tl::unexpected(std::move(ok).error());
  narrow_reasoning(call.caller.grants, request);
  if (auto ok = fit_to_model(*out.model, request); !ok)
    return tl::unexpected(std::move(ok).error());
  if (auto ok = check_audit(call.app, route); !ok) return tl::unexpected(std::move(ok).error());
  ChatRequest chat = chat_of(request);
  const auto start = [&](const TextOptions& options) {
    chat.options = options;
    return out.model->chat(chat);
  };
  if (auto ok = submit_choices(*out.model, request, "messages", start, out.streams); !ok) {
    return tl::unexpected(std::move(ok).error());
  }
  return out;
}

std::unique_ptr<Answer> make_answer(const Call& call, std::string_view route,
                                    const OpenAiRequest& request, Started started,
                                    std::unique_ptr<AnswerFormat> format) {
  const ServedModel& model = *started.model;
  std::unique_ptr<AnswerAudit> audit;
  if (call.app.auditor) {
    std::vector<uint64_t> seeds;
    for (const auto& stream : started.streams) seeds.push_back(stream->seed());
    audit = std::make_unique<AnswerAudit>(call.app.auditor, call, route, model, request,
                                          std::move(seeds),
                                          request.view ? &request.reasoning : nullptr);
  }
  auto meter = call.app.metrics->meter(model.id(), call.caller.tenant, started.streams.size(),
                                       call.request.arrival);
  const GenerationAnswerOptions options{
      .stream = request.stream,
      .choices_per_prompt = request.candidates(),
      .best_per_prompt = request.n,
      .thinking = request.view.value_or(call.caller.grants.thinking)};
  return std::make_unique<GenerationAnswer>(std::move(started.streams), std::move(format), options,
                                            std::move(audit), std::move(meter));
}

}  // namespace holdfast
