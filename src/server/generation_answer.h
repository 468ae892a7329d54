// The answer of one or several generations (choices), in the form an API family gives it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "access/policy.h"
#include "engine/served_model.h"
#include "server/answer_audit.h"
#include "server/api_error.h"
#include "server/metrics.h"
#include "server/reply.h"

namespace holdfast {

// What has come of one choice so far. Texts are gathered only when the answer does not stream.
struct Choice {
  std::unique_ptr<TextStream> stream;  // gone after its end
  std::string reasoning, content;
  std::vector<ToolCallDelta> tool_calls;  // whole ones
  std::vector<TextLogprobs> logprobs, reasoning_logprobs;
  double logprob_sum = 0;  // of the tokens with logprobs, and their number
  int64_t logprob_count = 0;
  bool done = false;
  FinishReason finish = FinishReason::kStop;
  std::string stop_string;  // what ended it, if one did
  ThinkingEnd thinking_end = ThinkingEnd::kOwn;
  Usage usage;
  int32_t thought = 0;  // tokens of thinking, told instead of it
};

// One API family's way to write it down. Each call appends whole server-sent events to `out`.
class AnswerFormat {
 public:
  virtual ~AnswerFormat() = default;
  // Of each choice: before its first event, with the prompt's usage; then, with its end event.
  virtual void opening(int32_t index, const Usage& prompt, std::string& out) = 0;
  virtual void delta(int32_t index, const TextEvent& event, std::string& out) = 0;
  // Instead of the thinking, once, before anything else: it took so many tokens.
  virtual void thought(int32_t /*index*/, int32_t /*tokens*/, std::string& /*out*/) {}
  virtual void closing(int32_t index, const TextEvent& end, std::string& out) = 0;
  // What a stream ends with: after all choices, or after a failure.
  virtual void ending(const Usage& usage, std::string& out) = 0;
  virtual void failure(const ApiError& error, std::string& out);
  // Without a stream.
  virtual std::string whole(const std::vector<Choice>& choices, const Usage& usage) = 0;
  virtual HttpResponse refusal(const ApiError& error) { return error.response(); }
};

struct GenerationAnswerOptions {
  bool stream = false;
  int32_t choices_per_prompt = 1;
  int32_t best_per_prompt = 0;  // so many with the highest log probability a token; 0: all
  ThinkingView thinking = ThinkingView::kShown;  // usage counts it whatever is shown
};

class GenerationAnswer final : public Answer {
 public:
  // `streams` in the order of their index; those of one prompt stand together. `audit`: what puts
  // the answer on record; null: nothing does. `meter`: what times it; null: nobody.
  GenerationAnswer(std::vector<std::unique_ptr<TextStream>> streams,
                   std::unique_ptr<AnswerFormat> format, const GenerationAnswerOptions& options,
                   std::unique_ptr<AnswerAudit> audit = nullptr,
                   std::unique_ptr<AnswerMeter> meter = nullptr);

  ~GenerationAnswer() override;

  void on_ready(std::function<void()> wake) override;
  bool streams() const override { return options_.stream; }
  Progress advance(std::string& out) override;
  void interrupt(std::string& out) override;
  HttpResponse response() override;
  HttpFields fields() const override;
  Usage usage() const override;

 private:
  enum class State { kRunning, kClosing, kDone };  // closing: until the record is safe

  bool take(int32_t index, std::string& out);  // one event; false: none is there
  void finish();
  void fail(const Error& error);
  void drop_streams();
  void close(std::string_view outcome);
  void settle(std::string& out);
  void keep_the_best();

  std::vector<Choice> choices_;
  std::unique_ptr<AnswerFormat> format_;
  GenerationAnswerOptions options_;
  std::unique_ptr<AnswerAudit> audit_;
  std::unique_ptr<AnswerMeter> meter_;
  bool opened_ = false;
  State state_ = State::kRunning;
  std::optional<ApiError> error_;
  std::optional<Usage> used_;  // once choices are left out
};

}  // namespace holdfast
