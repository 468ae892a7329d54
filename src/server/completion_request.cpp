#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "server/openai_request.h"
#include "server/openai_sampling.h"
#include "server/text_inputs.h"

namespace holdfast {

namespace json = boost::json;

namespace {

constexpr size_t kMaxPrompts = 64;

// OpenAI's rules: at least n, and nothing of it streams, since the best are known at the end.
void read_best_of(RequestFields& fields, OpenAiCompletionRequest& request) {
  request.best_of = static_cast<int32_t>(fields.integer("best_of", 1, kMaxChoices).value_or(0));
  if (request.best_of == 0) return;
  if (request.best_of < request.n) {
    fields.fail("best_of", "'best_of' must be at least 'n'", "invalid_value");
  } else if (request.best_of > request.n && request.stream) {
    fields.fail("best_of", "'best_of' above 'n' cannot be streamed", "invalid_value");
  }
}

}  // namespace

ApiResult<OpenAiCompletionRequest> parse_completion_request(std::string_view body) {
  auto parsed = parse_json_object(body);
  if (!parsed) return tl::unexpected(std::move(parsed).error());
  RequestFields fields(parsed->get_object());
  OpenAiCompletionRequest request;
  read_shared_fields(fields, request);
  // OpenAI's own default for this family; chat has none.
  if (!request.has_max_tokens) request.options.max_tokens = 16;
  request.echo = fields.boolean("echo").value_or(false);
  request.options.logprobs =
      static_cast<int32_t>(fields.integer("logprobs", 0, kMaxLogprobs).value_or(-1));
  if (request.echo && request.options.logprobs >= 0) {
    fields.fail("logprobs", "'logprobs' of an echoed prompt are not supported by this version",
                "unsupported_parameter");
  }
  read_best_of(fields, request);
  if (const auto suffix = fields.string("suffix"); suffix && !suffix->empty()) {
    fields.refuse("suffix");
  }
  request.prompts = read_text_inputs(fields, "prompt", kMaxPrompts);
  if (request.prompts.size() * static_cast<size_t>(request.candidates()) > kMaxPrompts) {
    fields.fail(request.best_of > request.n ? "best_of" : "n",
                fmt::format("prompts times 'n' (or 'best_of') may be at most {}", kMaxPrompts),
                "invalid_value");
  }
  if (fields.error()) return tl::unexpected(*fields.error());
  return request;
}

}  // namespace holdfast
