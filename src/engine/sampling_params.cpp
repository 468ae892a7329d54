#include "engine/sampling_params.h"

#include <cmath>
#include <span>

#include <fmt/format.h>

#include "base/check.h"

namespace holdfast {

namespace {

tl::unexpected<Error> bad(const char* field, const std::string& rule) {
  return fail(Code::kInvalidArgument, fmt::format("{} must be {}", field, rule), field);
}

Status check_strings(const char* field, std::span<const std::string> strings, size_t most,
                     size_t most_bytes) {
  size_t bytes = 0;
  for (const std::string& text : strings) {
    if (text.empty()) return bad(field, "strings that are not empty");
    bytes += text.size();
  }
  if (strings.size() > most || bytes > most_bytes)
    return bad(field, fmt::format("at most {} strings, of {} bytes in all", most, most_bytes));
  return {};
}

}  // namespace

Status check_sampling(const SamplingParams& params, int32_t vocab) {
  CHECK(params.token_bytes != nullptr || !params.reads_text()) << "sampling without tokens' bytes";
  if (!std::isfinite(params.temperature) || params.temperature < 0)
    return bad("temperature", "0 or more");
  if (!(params.top_p > 0 && params.top_p <= 1)) return bad("top_p", "above 0 and at most 1");
  if (!(params.min_p >= 0 && params.min_p <= 1)) return bad("min_p", "between 0 and 1");
  if (params.top_k < 0) return bad("top_k", "0 (off) or more");
  if (!(params.typical_p > 0 && params.typical_p <= 1))
    return bad("typical_p", "above 0 and at most 1");
  if (!std::isfinite(params.top_n_sigma) || params.top_n_sigma < 0)
    return bad("top_n_sigma", "0 (off) or more");
  if (!(params.xtc_probability >= 0 && params.xtc_probability <= 1))
    return bad("xtc_probability", "between 0 and 1");
  if (!(params.xtc_threshold >= 0 && params.xtc_threshold <= 1))
    return bad("xtc_threshold", "between 0 and 1");
  if (params.mirostat < 0 || params.mirostat > 2) return bad("mirostat", "0 (off), 1 or 2");
  if (!std::isfinite(params.mirostat_tau) || params.mirostat_tau <= 0)
    return bad("mirostat_tau", "above 0");
  if (!(params.mirostat_eta >= 0 && params.mirostat_eta <= 1))
    return bad("mirostat_eta", "between 0 and 1");
  if (!std::isfinite(params.presence_penalty)) return bad("presence_penalty", "a number");
  if (!std::isfinite(params.frequency_penalty)) return bad("frequency_penalty", "a number");
  if (!std::isfinite(params.repetition_penalty) || params.repetition_penalty <= 0)
    return bad("repetition_penalty", "above 0");
  if (!std::isfinite(params.dry.multiplier) || params.dry.multiplier < 0)
    return bad("dry_multiplier", "0 (off) or more");
  if (!(params.dry.base >= 1 && params.dry.base <= 100)) return bad("dry_base", "from 1 to 100");
  if (params.dry.allowed_length < 1) return bad("dry_allowed_length", "1 or more");
  if (params.dry.last_n < -1) return bad("dry_penalty_last_n", "-1 (all) or more");
  RETURN_IF_ERROR(check_strings("dry_sequence_breakers", params.dry.sequence_breakers, kMaxBreakers,
                                kMaxBreakerBytes));
  RETURN_IF_ERROR(
      check_strings("banned_strings", params.banned_strings, kMaxBannedStrings, kMaxBannedBytes));
  for (const auto& [token, bias] : params.logit_bias) {
    if (token < 0 || token >= vocab)
      return bad("logit_bias", fmt::format("for tokens below {}, not {}", vocab, token));
    if (!std::isfinite(bias)) return bad("logit_bias", "a number for each token");
  }
  return {};
}

}  // namespace holdfast
