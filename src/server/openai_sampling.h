// The fields that both of OpenAI's families share.
#pragma once

#include "server/openai_request.h"
#include "server/request_fields.h"

namespace holdfast {

inline constexpr int32_t kMaxChoices = 16;
inline constexpr int32_t kMaxLogprobs = 20;
inline constexpr size_t kMaxStops = 4;
inline constexpr double kLeastTimeout = 0.001, kMostTimeout = 86400.0;  // seconds

// model, stream, stream_options, n, sampling, limits, stop, seed, what vLLM and llama-server add to
// them (top_k, min_p, xtc_probability, ...), priority and timeout. Errors stay in `fields`.
void read_shared_fields(RequestFields& fields, OpenAiRequest& request);

}  // namespace holdfast
