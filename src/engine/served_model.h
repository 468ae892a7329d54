// A model as the outside sees it, in text: the way from messages to streamed reasoning and content.
// Everything above (server, command line) speaks this and never sees a token id or a weight.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/result.h"
#include "engine/engine.h"
#include "engine/generation.h"
#include "files/byte_source.h"
#include "grammar/compile.h"
#include "grammar/constraint.h"
#include "text/tokenizer.h"
#include "text/tool_calls.h"

namespace holdfast {

// What both API families and the command line ask for; sampling etc. as in GenerationRequest.
struct TextOptions {
  SamplingParams sampling;
  std::optional<uint64_t> seed;   // none: a random one
  int32_t max_tokens = 0;         // 0: until the context is full
  std::vector<std::string> stop;  // matched across tokens, never returned
  bool ignore_eos = false;
  int32_t logprobs = -1;
  // From ServedModel::constraint(). A chat's answer comes under it after its thinking; a completion
  // at once.
  std::shared_ptr<grammar::Constraint> constraint;
  std::string cache_salt;
  Standing standing;
};

// How much a model thinks before it answers.
struct ReasoningOptions {
  // true: it thinks, also where its template leaves that open; false: it does not. None: as the
  // template has it.
  std::optional<bool> enabled;
  int32_t budget =
      -1;  // tokens, after which its thinking is closed; 0: as enabled = false; -1: no limit
  bool stop_loops = true;  // closes thinking that repeats itself (loop_detector.h)
};

struct ChatRequest {
  std::string messages_json;  // an array of {"role", "content", ...}; text parts in arrays already
                              // joined or not
  std::string tools_json;     // an array of {"type": "function", "function": {...}}; empty: none
  std::vector<std::string> tool_names;  // of them
  bool parallel_tool_calls = true;      // false: the answer ends behind its first call
  std::string template_extra_json;
  ReasoningOptions reasoning;
  TextOptions options;
};

struct CompletionRequest {
  std::string prompt;
  std::vector<int32_t>
      prompt_tokens;           // instead of prompt, when not empty (OpenAI allows token arrays)
  bool parse_special = false;  // what spells a special token in `prompt` becomes one
  bool echo = false;           // the prompt comes out first, as content
  TextOptions options;
};

struct TextLogprob {
  std::string token;  // its bytes (may be part of a character)
  float logprob = 0.0f;
};

struct TextLogprobs {
  TextLogprob chosen;
  std::vector<TextLogprob> top;
};

struct TextEvent {
  bool end = false;
  std::string reasoning, content;         // what this event adds; either or both may be empty
  std::vector<ToolCallDelta> tool_calls;  // likewise
  // When asked for, of the tokens behind this event: the answer's, and the thinking's (its tags
  // included).
  std::vector<TextLogprobs> logprobs, reasoning_logprobs;
  FinishReason finish = FinishReason::kStop;
  std::string
      stop_string;  // with end and kStop: the one that ended it; empty: the model itself did
  ThinkingEnd thinking_end = ThinkingEnd::kOwn;  // with end
  Usage usage;
  std::optional<Error> error;
};

// As engine's Stream, in text: events with text, then one end event without. Dropping it cancels.
// Used by one thread at a time. Outlives its ServedModel (with an end event of kCancelled).
class TextStream {
 public:
  virtual ~TextStream() = default;
  virtual TextEvent next() = 0;
  virtual std::optional<TextEvent> try_next() = 0;
  virtual void on_ready(std::function<void()> callback) = 0;
  virtual Usage usage() const = 0;    // so far; prompt_tokens is known from the start
  virtual uint64_t seed() const = 0;  // the one in use
};

struct ServedModelOptions {
  std::string id;        // the name clients use; empty: general.name or the file's stem
  EngineOptions engine;  // its draft is filled in here
  // System prompts that an operator has declared to be no secret: what the cache holds of them is
  // shared by all callers, and of nothing else.
  std::vector<std::string> shared_prompts;
  std::string draft_path;  // for Speculation::kModel: the model that guesses
  LoadProgress progress;
  FileOpener opener = open_file;  // of the model's files
};

// What besides the request decides an answer to the bit.
struct Provenance {
  std::string sha256;   // of the model's files (files/model_digest.h)
  std::string backend;  // Backend::describe(): another one adds in another order
  std::string kv_type;  // "q16"
};

// Thread-safe.
class ServedModel {
 public:
  // Opens the file, prepares the weights, starts the engine. A chat template outside our subset
  // is refused here, by name; so is a draft model of another vocabulary.
  static Result<std::unique_ptr<ServedModel>> load(const std::string& path,
                                                   std::unique_ptr<Backend> backend,
                                                   const ServedModelOptions& options);
  virtual ~ServedModel() = default;

  virtual const std::string& id() const = 0;
  virtual int64_t created() const = 0;  // seconds since 1970
  // Empty when nobody set it. Set before others use the model.
  const Provenance& provenance() const { return provenance_; }
  void set_provenance(Provenance provenance) { provenance_ = std::move(provenance); }
  virtual const ModelConfig& config() const = 0;
  virtual const Tokenizer& tokenizer() const = 0;
  virtual int32_t context() const = 0;
  virtual EngineStats stats() const = 0;

  // What answers can be held to; kept for the next who asks for the same. Errors as
  // grammar::compile() and grammar::Constraint::create().
  virtual Result<std::shared_ptr<grammar::Constraint>> constraint(
      const grammar::ConstraintSpec& spec) = 0;

  // invalid_argument when the model has no chat template, the template refuses the messages, the
  // model is to think and does not know how (where is "reasoning"), or is to call tools and does
  // not (where is "tools"), a stop string is empty, or the engine refuses the request (see
  // Engine::submit).
  virtual Result<std::unique_ptr<TextStream>> chat(const ChatRequest& request) = 0;
  virtual Result<std::unique_ptr<TextStream>> complete(const CompletionRequest& request) = 0;
  // The rendered prompt, for tests and for people.
  virtual Result<std::string> render_prompt(const ChatRequest& request) const = 0;
  // The tokens of the prompt that chat() would compute.
  virtual Result<std::vector<int32_t>> prompt_tokens(const ChatRequest& request) const = 0;

 private:
  Provenance provenance_;
};

}  // namespace holdfast
