#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "server/openai_request.h"
#include "server/openai_sampling.h"

namespace holdfast {

namespace json = boost::json;

namespace {

constexpr size_t kMaxPrompts = 64;

bool holds_numbers(const json::array& array) { return !array.empty() && array[0].is_number(); }

std::vector<int32_t> read_tokens(RequestFields& fields, const json::array& array,
                                 const std::string& at) {
  std::vector<int32_t> tokens;
  tokens.reserve(array.size());
  for (size_t i = 0; i < array.size(); ++i) {
    json::error_code ec;
    const auto id = array[i].is_int64() ? array[i].to_number<int32_t>(ec) : -1;
    if (ec || id < 0) {
      const std::string param = fmt::format("{}[{}]", at, i);
      fields.fail(param, fmt::format("'{}' must be a token id", param), "invalid_value");
      return {};
    }
    tokens.push_back(id);
  }
  if (tokens.empty()) {
    fields.fail(at, fmt::format("'{}' holds no tokens", at), "invalid_value");
  }
  return tokens;
}

void read_prompts(RequestFields& fields, OpenAiCompletionRequest& request) {
  const json::value* prompt = fields.find("prompt");
  if (!prompt) {
    fields.fail("prompt", "'prompt' is missing", "missing_required_parameter");
    return;
  }
  if (prompt->is_string()) {
    request.prompts.emplace_back(*fields.string("prompt"));
    return;
  }
  const json::array* array = prompt->if_array();
  if (!array || array->empty()) {
    fields.fail("prompt",
                "'prompt' must be a string, an array of strings, an array of token ids, or an "
                "array of such arrays",
                "invalid_type");
    return;
  }
  if (holds_numbers(*array)) {
    request.prompts.emplace_back(read_tokens(fields, *array, "prompt"));
    return;
  }
  if (array->size() > kMaxPrompts) {
    fields.fail("prompt", fmt::format("'prompt' may hold at most {} prompts", kMaxPrompts),
                "invalid_value");
    return;
  }
  for (size_t i = 0; i < array->size() && !fields.error(); ++i) {
    const json::value& one = (*array)[i];
    const std::string at = fmt::format("prompt[{}]", i);
    if (one.is_string()) {
      request.prompts.emplace_back(std::string(one.get_string().data(), one.get_string().size()));
    } else if (one.is_array()) {
      request.prompts.emplace_back(read_tokens(fields, one.get_array(), at));
    } else {
      fields.fail(at, fmt::format("'{}' must be a string or an array of token ids", at),
                  "invalid_type");
    }
  }
}

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
  for (const char* name : {"guided_json", "guided_regex", "guided_choice", "guided_grammar",
                           "grammar", "response_format"}) {
    fields.refuse(name);
  }
  read_prompts(fields, request);
  if (request.prompts.size() * static_cast<size_t>(request.candidates()) > kMaxPrompts) {
    fields.fail(request.best_of > request.n ? "best_of" : "n",
                fmt::format("prompts times 'n' (or 'best_of') may be at most {}", kMaxPrompts),
                "invalid_value");
  }
  if (fields.error()) return tl::unexpected(*fields.error());
  return request;
}

}  // namespace holdfast
