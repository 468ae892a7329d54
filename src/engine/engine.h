// The engine: one thread that owns all sequence state and runs the step loop. Requests enter
// through one queue, tokens leave through one channel a stream.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "backend/backend.h"
#include "base/result.h"
#include "engine/generation.h"
#include "model/model.h"

namespace holdfast {

// Error::where of a request that passes the context: API families give such errors a code of their
// own.
inline constexpr std::string_view kContextLength = "context length";

// Where guesses at the next tokens come from; see speculation.h. Outputs are the same with all.
enum class Speculation { kNone, kLookup, kModel };

struct EngineOptions {
  int32_t max_sequences = 64;  // running at once
  int32_t step_tokens = 512;   // rows of one batch: decode rows first, then prefill chunks
  double step_seconds = 0.2;   // how long a step may take while somebody decodes: prompts are cut
                               // to fit, as far as the machine can; 0: as long as it takes
  int32_t max_waiting = 512;   // requests in the line; further ones are refused
  int64_t max_waiting_tokens = 0;  // of their prompts; 0: sixteen times what the KV cache holds
  int32_t context = 0;   // longest sequence; 0: the model's own, as far as kv_bytes allows
  int64_t kv_bytes = 0;  // memory for KV pages; 0: a default for this machine
  int32_t page_tokens = 32;
  // Beginnings of prompts that an operator has declared to be no secret: their whole pages are
  // shared by all salts. Requests cannot declare any.
  std::vector<std::vector<int32_t>> shared_beginnings;
  KvType kv_type = KvType::kQ16;
  Speculation speculation = Speculation::kNone;
  int32_t speculation_tokens = 8;  // guesses for one sequence at once
  Model* draft = nullptr;  // kModel: who guesses; on the same backend, must outlive the engine
};

struct EngineStats {
  int32_t running = 0, waiting = 0;
  int32_t pages_total = 0, pages_free = 0;  // free: can be had, kept prefixes included
  uint64_t steps = 0, prompt_tokens = 0, generated_tokens = 0;  // computed, not found cached
  uint64_t preemptions = 0;
  int64_t waiting_tokens = 0;  // of prompts in the line
  double wait_seconds = 0;     // until a request that came now would start, about
  uint64_t refused = 0;        // by submit(), because the line was too long
  uint64_t expired = 0;        // ended by their deadlines
  uint64_t drafted_tokens = 0, accepted_tokens = 0;  // guessed, and how many of these came true
  double step_seconds = 0, model_seconds = 0;        // in steps; in Model::forward within them
};

// Pull side of one generation. Dropping it cancels; the engine frees its pages within one step.
class Stream {
 public:
  virtual ~Stream() = default;
  // Waits for the next event. After the end event: CHECK.
  virtual GenerationEvent next() = 0;
  // The next event if there is one.
  virtual std::optional<GenerationEvent> try_next() = 0;
  // Called (from the engine thread; must not block) whenever an event has become available; take
  // events until there is none. Set once, before the first next(); called at once if events wait
  // already. Not called any more once the stream is dropped.
  virtual void on_ready(std::function<void()> callback) = 0;
};

// Thread-safe. The destructor cancels what runs and joins the engine thread.
class Engine {
 public:
  // `model` and `backend` must outlive the engine. resource_exhausted when not one sequence of
  // `context` fits.
  static Result<std::unique_ptr<Engine>> create(Model& model, Backend& backend,
                                                const EngineOptions& options);
  virtual ~Engine() = default;

  // invalid_argument when the prompt is empty, holds an id outside the vocabulary, leaves no room
  // for an answer in the context (with both counts; where is kContextLength), or the sampling
  // parameters make no sense. A max_tokens that passes the context ends there, with kLength.
  // resource_exhausted or unavailable when the line is too long for it (waiting_line.h), or its
  // deadline too near; stats().wait_seconds says how long.
  virtual Result<std::unique_ptr<Stream>> submit(GenerationRequest request) = 0;
  virtual int32_t context() const = 0;
  virtual EngineStats stats() const = 0;
};

}  // namespace holdfast
