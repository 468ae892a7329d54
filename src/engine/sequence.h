// One generation inside the engine.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "engine/generation.h"
#include "engine/kv_pages.h"
#include "engine/sampler.h"
#include "engine/scheduler.h"
#include "engine/speculation.h"
#include "engine/stream.h"
#include "engine/thinking_guard.h"

namespace holdfast {

// Owned and touched by the engine thread only (the channel is the way out).
struct Sequence {
  Sequence(GenerationRequest r, std::shared_ptr<Channel> c, int32_t most_drafted)
      : request(std::move(r)),
        history(request.prompt),
        sampler(request.sampling, request.prompt),
        thinking(request.thinking),
        channel(std::move(c)),
        pace(most_drafted) {
    if (request.constraint)
      matcher = std::make_unique<grammar::Matcher>(request.constraint, request.constraint_start);
    usage.prompt_tokens = static_cast<int32_t>(request.prompt.size());
  }

  // Tokens of the history that are not in the cache. 1 is a decode step.
  int32_t pending() const { return static_cast<int32_t>(history.size()) - cached; }

  SequenceId id = 0;
  const GenerationRequest request;
  std::vector<int32_t> history;  // prompt, then what was generated
  int32_t cached = 0;            // of the history, in the KV cache
  PageTable table;
  Sampler sampler;
  std::unique_ptr<grammar::Matcher> matcher;  // null: no constraint
  ThinkingGuard thinking;
  std::shared_ptr<Channel> channel;
  Usage usage;
  bool admitted_before = false;
  DraftPace pace;                // of guesses at it
  std::vector<int32_t> drafted;  // guesses that ride in the current step
};

}  // namespace holdfast
