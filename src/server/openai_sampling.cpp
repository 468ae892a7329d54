#include "server/openai_sampling.h"

#include <algorithm>
#include <charconv>

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "server/openai_constraint.h"

namespace holdfast {

namespace json = boost::json;

namespace {

constexpr int64_t kMostTokens = std::numeric_limits<int32_t>::max();

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

void read_dry(RequestFields& fields, DryParams& dry) {
  if (const auto value = fields.number("dry_multiplier", 0.0, 100.0))
    dry.multiplier = static_cast<float>(*value);
  if (const auto value = fields.number("dry_base", 1.0, 100.0))
    dry.base = static_cast<float>(*value);
  if (const auto value = fields.integer("dry_allowed_length", 1, kMostTokens))
    dry.allowed_length = static_cast<int32_t>(*value);
  if (const auto value = fields.integer("dry_penalty_last_n", -1, kMostTokens))
    dry.last_n = static_cast<int32_t>(*value);
  if (fields.has("dry_sequence_breakers"))
    dry.sequence_breakers = fields.strings("dry_sequence_breakers", kMaxBreakers);
}

void read_mirostat(RequestFields& fields, SamplingParams& sampling) {
  for (const char* name : {"mirostat_mode", "mirostat"}) {
    if (const auto value = fields.integer(name, 0, 2))
      sampling.mirostat = static_cast<int32_t>(*value);
  }
  if (const auto value = fields.number("mirostat_tau", 0.01, 100.0))
    sampling.mirostat_tau = static_cast<float>(*value);
  if (const auto value = fields.number("mirostat_eta", 0.0, 1.0))
    sampling.mirostat_eta = static_cast<float>(*value);
}

// vLLM's name and TabbyAPI's.
void read_banned_strings(RequestFields& fields, SamplingParams& sampling) {
  for (const char* name : {"bad_words", "banned_strings"}) {
    for (std::string& text : fields.strings(name, kMaxBannedStrings)) {
      if (text.empty())
        fields.fail(name, fmt::format("'{}' may not hold an empty string", name), "invalid_value");
      sampling.banned_strings.push_back(std::move(text));
    }
  }
}

void read_max_tokens(RequestFields& fields, OpenAiRequest& request) {
  const auto older = fields.integer("max_tokens", 1, kMostTokens);
  const auto newer = fields.integer("max_completion_tokens", 1, kMostTokens);
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
  real("repeat_penalty", 0.01, 100.0, sampling.repetition_penalty);  // llama-server's name
  real("repetition_penalty", 0.01, 100.0, sampling.repetition_penalty);
  real("typical_p", 0.0, 1.0, sampling.typical_p);
  real("top_n_sigma", -1.0, 100.0, sampling.top_n_sigma);
  sampling.top_n_sigma = std::max(sampling.top_n_sigma, 0.0f);  // -1: off, as in llama-server
  real("xtc_probability", 0.0, 1.0, sampling.xtc_probability);
  real("xtc_threshold", 0.0, 1.0, sampling.xtc_threshold);
  read_dry(fields, sampling.dry);
  read_mirostat(fields, sampling);
  read_banned_strings(fields, sampling);
  sampling.top_k = static_cast<int32_t>(fields.integer("top_k", -1, kMostTokens).value_or(0));
  if (sampling.top_k < 0) sampling.top_k = 0;  // -1: off, as vLLM writes it
  request.has_temperature = fields.has("temperature");
  request.has_top_p = fields.has("top_p");
  request.has_min_p = fields.has("min_p");
  request.has_top_k = fields.has("top_k");
  read_logit_bias(fields, sampling);

  read_constraint(fields, request);
  if (const auto priority = fields.string("priority")) {
    request.priority = find_priority(*priority);
    if (!request.priority) {
      fields.fail("priority", "'priority' is low, normal or high", "invalid_value");
    }
  }
  request.timeout = fields.number("timeout", kLeastTimeout, kMostTimeout);
  if (const auto seed = fields.integer("seed")) options.seed = static_cast<uint64_t>(*seed);
  options.ignore_eos = fields.boolean("ignore_eos").value_or(false);
  options.stop = fields.strings("stop", kMaxStops);
  for (const std::string& stop : options.stop) {
    if (stop.empty()) fields.fail("stop", "'stop' may not hold an empty string", "invalid_value");
  }
}

}  // namespace holdfast
