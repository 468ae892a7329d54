#include "server/openai_format.h"

#include <algorithm>

#include "base/check.h"
#include "base/secret.h"

namespace holdfast {

std::string random_id(std::string_view prefix) {
  constexpr std::string_view kAlphabet =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  unsigned char random[24];
  random_fill(random);
  std::string id(prefix);
  for (const unsigned char byte : random) id += kAlphabet[byte % kAlphabet.size()];
  return id;
}

void write_envelope(JsonWriter& w, const Envelope& envelope, std::string_view object) {
  w.field("id", envelope.id)
      .field("object", object)
      .field("created", envelope.created)
      .field("model", envelope.model)
      .field("system_fingerprint", envelope.fingerprint);
}

void write_usage(JsonWriter& w, const Usage& usage) {
  w.begin_object()
      .field("prompt_tokens", usage.prompt_tokens)
      .field("completion_tokens", usage.completion_tokens)
      .field("total_tokens", int64_t{usage.prompt_tokens} + usage.completion_tokens);
  w.key("prompt_tokens_details")
      .begin_object()
      .field("cached_tokens", usage.cached_tokens)
      .end_object();
  w.key("completion_tokens_details")
      .begin_object()
      .field("reasoning_tokens", usage.reasoning_tokens)
      .end_object();
  w.end_object();
}

std::string usage_chunk(const Envelope& envelope, std::string_view object, const Usage& usage) {
  JsonWriter w(JsonWriter::kCompact);
  w.begin_object();
  write_envelope(w, envelope, object);
  w.key("choices").begin_array().end_array().key("usage");
  write_usage(w, usage);
  w.end_object();
  return w.take();
}

std::string_view finish_name(FinishReason reason) {
  CHECK(reason == FinishReason::kStop || reason == FinishReason::kLength ||
        reason == FinishReason::kToolCalls)
      << "not an answer's end";
  return finish_reason_name(reason);
}

float finite_logprob(float logprob) { return std::max(logprob, -9999.0f); }

}  // namespace holdfast
