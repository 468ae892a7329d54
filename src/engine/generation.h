// What goes into the engine and what comes out, in tokens.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/priority.h"
#include "engine/sampling_params.h"
#include "engine/thinking_guard.h"
#include "grammar/constraint.h"

namespace holdfast {

// Whose request it is and how it stands among others. Nothing here changes a token of the answer.
struct Standing {
  std::string tenant;   // from the authenticated identity; tenants share the engine fairly
  double weight = 1.0;  // > 0, of the tenant: its part while others wait too
  Priority priority = Priority::kNormal;
  // The answer ends by then: what has not is an error. None: it takes what it takes.
  std::optional<std::chrono::steady_clock::time_point> deadline;
};

struct GenerationRequest {
  std::vector<int32_t> prompt;  // at least one token
  int32_t max_tokens = 0;       // 0: until the context is full
  SamplingParams sampling;
  std::vector<int32_t> stop_tokens;  // end of generation, not returned as text
  bool ignore_eos = false;           // stop_tokens are ordinary
  ThinkingLimits thinking;
  int32_t logprobs = -1;  // -1: none; else the number of alternatives for each token
  std::shared_ptr<grammar::Constraint> constraint;  // what the answer must be; null: anything
  grammar::ConstraintStart constraint_start = grammar::ConstraintStart::kNow;
  std::string
      cache_salt;  // from the authenticated identity; requests share KV pages only within a salt
  Standing standing;
};

struct TokenLogprob {
  int32_t token = 0;
  float logprob = 0.0f;
};

// kToolCalls: kStop, of an answer that holds calls of tools; told by the layer that reads text.
enum class FinishReason { kStop, kLength, kToolCalls, kCancelled, kError };
// "stop", "length", "tool_calls", "cancelled" or "error".
std::string_view finish_reason_name(FinishReason reason);

struct Usage {
  int32_t prompt_tokens = 0, completion_tokens = 0;
  int32_t cached_tokens = 0;     // of the prompt, found in the KV cache
  int32_t reasoning_tokens = 0;  // filled by the layer that splits text
  int32_t drafted_tokens = 0;    // guessed by speculation, and how many of these came true
  int32_t accepted_tokens = 0;
};

// One event of a stream: a token, or the end (exactly one, last).
struct GenerationEvent {
  bool end = false;
  int32_t token = 0;
  TokenLogprob logprob;                          // of `token`, when asked for
  std::vector<TokenLogprob> alternatives;        // the most likely ones, best first, when asked for
  FinishReason finish = FinishReason::kStop;     // with end
  ThinkingEnd thinking_end = ThinkingEnd::kOwn;  // with end
  Usage usage;                                   // with end
  std::optional<Error> error;                    // with end and kError
};

}  // namespace holdfast
