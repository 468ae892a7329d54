// Pieces that both of OpenAI's families write the same way.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/served_model.h"
#include "files/json_writer.h"

namespace holdfast {

// What stands in front of every object and chunk of one answer.
struct Envelope {
  std::string id;  // "chatcmpl-..."
  std::string model;
  std::string fingerprint;
  int64_t created = 0;  // seconds since 1970; one for all chunks
};

// `prefix` and 24 random letters and digits.
std::string random_id(std::string_view prefix);

// "id", "object", "created", "model", "system_fingerprint" into an open object.
void write_envelope(JsonWriter& w, const Envelope& envelope, std::string_view object);
// A whole usage object.
void write_usage(JsonWriter& w, const Usage& usage);
// The last chunk of a stream that was asked for usage: no choices.
std::string usage_chunk(const Envelope& envelope, std::string_view object, const Usage& usage);
// "stop", "length" or "tool_calls".
std::string_view finish_name(FinishReason reason);
// JSON has no infinities: a log of zero becomes -9999, as OpenAI writes it.
float finite_logprob(float logprob);

}  // namespace holdfast
