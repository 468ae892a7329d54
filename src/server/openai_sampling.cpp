#include "server/openai_sampling.h"

#include <charconv>

#include <boost/json/value.hpp>
#include <fmt/format.h>

namespace holdfast {

namespace json = boost::json;

namespace {

void read_stream_options(RequestFields& fields, OpenAiRequest& request) {
  request.stream = fields.boolean("stream").value_or(false);
  const json::object* options = fields.object("stream_options");
  if (!options) return;
  if (!request.stream) {
    fields.fail("stream_options", "'stream_options' is only allowed when 'stream' is true",
                "invalid_value");
    return;
  }
  if (const json::value* usage = options->if_contains("include_usage");
      usage && !usage->is_null()) {
    if (!usage->is_bool()) {
      fields.fail("stream_options.include_usage",
                  "'stream_options.include_usage' must be a boolean", "invalid_type");
      return;
    }
    request.include_usage = usage->get_bool();
  }
}

void read_logit_bias(RequestFields& fields, SamplingParams& sampling) {
  const json::object* bias = fields.object("logit_bias");
  if (!bias) return;
  for (const auto& [name, value] : *bias) {
    const std::string param = fmt::format("logit_bias.{}", std::string_view(name));
    int32_t token = 0;
    const char* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data(), end, token);
    if (parsed.ec != std::errc() || parsed.ptr != end || token < 0) {
      fields.fail("logit_bias", "'logit_bias' maps token ids, written as strings, to numbers",
                  "invalid_value");
      return;
    }
    if (!value.is_number() || !(value.to_number<double>() >= -100.0) ||
        !(value.to_number<double>() <= 100.0)) {
      fields.fail(param, fmt::format("'{}' must be a number from -100 to 100", param),
                  "invalid_value");
      return;
    }
    sampling.logit_bias.emplace_back(token, static_cast<float>(value.to_number<double>()));
  }
}

void read_max_tokens(RequestFields& fields, OpenAiRequest& request) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  const auto older = fields.integer("max_tokens", 1, kMost);
  const auto newer = fields.integer("max_completion_tokens", 1, kMost);
  if (older && newer && *older != *newer) {
    fields.fail("max_tokens", "'max_tokens' and 'max_completion_tokens' contradict each other",
                "invalid_value");
  }
  request.has_max_tokens = older || newer;
  request.options.max_tokens = static_cast<int32_t>(newer.value_or(older.value_or(0)));
}

}  // namespace

void read_shared_fields(RequestFields& fields, OpenAiRequest& request) {
  if (auto model = fields.string("model"); model && !model->empty()) {
    request.model = std::move(*model);
  } else {
    fields.fail("model", "You must provide a 'model'; GET /v1/models lists them",
                "missing_required_parameter");
  }
  read_stream_options(fields, request);
  request.n = static_cast<int32_t>(fields.integer("n", 1, kMaxChoices).value_or(1));
  read_max_tokens(fields, request);

  TextOptions& options = request.options;
  SamplingParams& sampling = options.sampling;
  const auto real = [&](std::string_view name, double low, double high, float& to) {
    if (const auto value = fields.number(name, low, high)) to = static_cast<float>(*value);
  };
  real("temperature", 0.0, 2.0, sampling.temperature);
  real("top_p", 0.0, 1.0, sampling.top_p);
  real("min_p", 0.0, 1.0, sampling.min_p);
  real("presence_penalty", -2.0, 2.0, sampling.presence_penalty);
  real("frequency_penalty", -2.0, 2.0, sampling.frequency_penalty);
  real("repetition_penalty", 0.01, 100.0, sampling.repetition_penalty);
  sampling.top_k = static_cast<int32_t>(
      fields.integer("top_k", -1, std::numeric_limits<int32_t>::max()).value_or(0));
  if (sampling.top_k < 0) sampling.top_k = 0;  // -1: off, as vLLM writes it
  request.has_temperature = fields.has("temperature");
  request.has_top_p = fields.has("top_p");
  request.has_min_p = fields.has("min_p");
  request.has_top_k = fields.has("top_k");
  read_logit_bias(fields, sampling);

  if (const auto seed = fields.integer("seed")) options.seed = static_cast<uint64_t>(*seed);
  options.ignore_eos = fields.boolean("ignore_eos").value_or(false);
  options.stop = fields.strings("stop", kMaxStops);
  for (const std::string& stop : options.stop) {
    if (stop.empty()) fields.fail("stop", "'stop' may not hold an empty string", "invalid_value");
  }
}

}  // namespace holdfast
