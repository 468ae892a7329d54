#include "server/generation_answer.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "server/sse.h"

namespace holdfast {

namespace {

// Events gathered before they are sent: enough to fill packets, little enough to stay small beside
// the socket's own buffer when a client reads slowly.
constexpr size_t kFlushBytes = 32u << 10;

bool says_something(const TextEvent& event) {
  return !event.reasoning.empty() || !event.content.empty() || !event.tool_calls.empty() ||
         !event.logprobs.empty() || !event.reasoning_logprobs.empty();
}

void move_to_back(std::vector<TextLogprobs>& from, std::vector<TextLogprobs>& to) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

}  // namespace

void AnswerFormat::failure(const ApiError& error, std::string& out) {
  append_sse(error.json(), out);
}

GenerationAnswer::GenerationAnswer(std::vector<std::unique_ptr<TextStream>> streams,
                                   std::unique_ptr<AnswerFormat> format,
                                   const GenerationAnswerOptions& options,
                                   std::unique_ptr<AnswerAudit> audit,
                                   std::unique_ptr<AnswerMeter> meter)
    : format_(std::move(format)),
      options_(options),
      audit_(std::move(audit)),
      meter_(std::move(meter)) {
  for (auto& stream : streams) {
    Choice& choice = choices_.emplace_back();
    choice.usage = stream->usage();
    choice.stream = std::move(stream);
  }
}

GenerationAnswer::~GenerationAnswer() {
  if (state_ != State::kRunning) return;
  drop_streams();  // the client left
  close("cancelled");
}

void GenerationAnswer::on_ready(std::function<void()> wake) {
  if (audit_) audit_->on_settled(wake);
  for (Choice& choice : choices_) choice.stream->on_ready(wake);
}

Answer::Progress GenerationAnswer::advance(std::string& out) {
  if (state_ == State::kDone) return Progress::kDone;
  if (!opened_ && options_.stream) {
    for (size_t i = 0; i < choices_.size(); ++i) {
      format_->opening(static_cast<int32_t>(i), choices_[i].usage, out);
    }
  }
  opened_ = true;
  bool any = true;
  while (any && state_ == State::kRunning) {
    any = false;
    // In turns, so that no choice starves another.
    for (size_t i = 0; i < choices_.size() && state_ == State::kRunning; ++i) {
      if (!choices_[i].done && take(static_cast<int32_t>(i), out)) any = true;
    }
    if (state_ == State::kRunning && out.size() >= kFlushBytes) return Progress::kMore;
  }
  if (state_ == State::kClosing) settle(out);
  return state_ == State::kDone ? Progress::kDone : Progress::kWaiting;
}

bool GenerationAnswer::take(int32_t index, std::string& out) {
  Choice& choice = choices_[static_cast<size_t>(index)];
  std::optional<TextEvent> event = choice.stream->try_next();
  if (!event) return false;
  if (event->end && (event->error || event->finish == FinishReason::kError ||
                     event->finish == FinishReason::kCancelled)) {
    fail(event->error.value_or(event->finish == FinishReason::kCancelled
                                   ? Error{Code::kUnavailable, "The generation was stopped"}
                                   : Error{Code::kInternal, "The generation failed"}));
    return true;
  }
  if (audit_) audit_->take(static_cast<size_t>(index), *event);
  if (meter_) meter_->take(static_cast<size_t>(index), *event);
  for (const TextLogprobs& token : event->logprobs) choice.logprob_sum += token.chosen.logprob;
  choice.logprob_count += std::ssize(event->logprobs);
  if (options_.thinking != ThinkingView::kShown) {
    event->reasoning.clear();
    event->reasoning_logprobs.clear();
  }
  if (options_.thinking == ThinkingView::kCounted && choice.thought == 0 &&
      (event->end || !event->content.empty() || !event->tool_calls.empty())) {
    choice.thought = (event->end ? event->usage : choice.stream->usage()).reasoning_tokens;
    if (options_.stream && choice.thought > 0) format_->thought(index, choice.thought, out);
  }
  if (options_.stream) {
    if (says_something(*event)) format_->delta(index, *event, out);
  } else {
    choice.reasoning += event->reasoning;
    choice.content += event->content;
    for (ToolCallDelta& delta : event->tool_calls) {
      if (delta.name.empty() && !choice.tool_calls.empty()) {
        choice.tool_calls.back().arguments += delta.arguments;
      } else {
        choice.tool_calls.push_back(std::move(delta));
      }
    }
    move_to_back(event->logprobs, choice.logprobs);
    move_to_back(event->reasoning_logprobs, choice.reasoning_logprobs);
  }
  if (!event->end) return true;
  choice.done = true;
  choice.finish = event->finish;
  choice.stop_string = event->stop_string;
  choice.thinking_end = event->thinking_end;
  choice.usage = event->usage;
  choice.stream.reset();
  if (options_.stream) format_->closing(index, *event, out);
  for (const Choice& other : choices_) {
    if (!other.done) return true;
  }
  finish();
  return true;
}

void GenerationAnswer::finish() { close("complete"); }

void GenerationAnswer::drop_streams() {
  for (Choice& choice : choices_) {
    if (!choice.stream) continue;
    choice.usage = choice.stream->usage();
    choice.stream.reset();
  }
}

void GenerationAnswer::fail(const Error& error) {
  drop_streams();
  error_ = to_api_error(error);
  close("failed");
}

// All is known; what ends the answer waits for its record.
void GenerationAnswer::close(std::string_view outcome) {
  state_ = State::kClosing;
  if (meter_) meter_->close(usage());
  if (audit_) {
    audit_->close(choices_, usage(), outcome, error_ ? error_->code : std::string_view());
  }
}

void GenerationAnswer::settle(std::string& out) {
  if (audit_) {
    const auto settled = audit_->settled();
    if (!settled) return;
    if (!*settled && !error_) error_ = audit_unavailable();
  }
  state_ = State::kDone;
  if (!options_.stream) return;
  error_ ? format_->failure(*error_, out) : format_->ending(usage(), out);
}

// Does not wait for the record: a part of an answer is not an answer.
void GenerationAnswer::interrupt(std::string& out) {
  if (state_ == State::kDone) return;
  if (state_ == State::kRunning) fail({Code::kUnavailable, "The server is stopping"});
  if (!error_) error_ = to_api_error({Code::kUnavailable, "The server is stopping"});
  state_ = State::kDone;
  if (options_.stream) format_->failure(*error_, out);
}

HttpFields GenerationAnswer::fields() const {
  if (!audit_) return {};
  return {{"holdfast-receipt", audit_->receipt()}};
}

Usage GenerationAnswer::usage() const {
  if (used_) return *used_;
  Usage sum;
  for (size_t i = 0; i < choices_.size(); ++i) {
    const Usage usage = choices_[i].stream ? choices_[i].stream->usage() : choices_[i].usage;
    sum.completion_tokens += usage.completion_tokens;
    sum.reasoning_tokens += usage.reasoning_tokens;
    if (i % static_cast<size_t>(options_.choices_per_prompt) != 0) continue;
    sum.prompt_tokens += usage.prompt_tokens;
    sum.cached_tokens += usage.cached_tokens;
  }
  return sum;
}

// What is not given has been computed and counts.
void GenerationAnswer::keep_the_best() {
  const auto mean = [](const Choice& c) {
    return c.logprob_sum / static_cast<double>(std::max<int64_t>(1, c.logprob_count));
  };
  std::vector<Choice> best;
  const auto per_prompt = static_cast<std::ptrdiff_t>(options_.choices_per_prompt);
  for (auto from = choices_.begin(); from != choices_.end(); from += per_prompt) {
    std::stable_sort(from, from + per_prompt,
                     [&](const Choice& a, const Choice& b) { return mean(a) > mean(b); });
    std::move(from, from + options_.best_per_prompt, std::back_inserter(best));
  }
  choices_ = std::move(best);
}

HttpResponse GenerationAnswer::response() {
  CHECK(state_ == State::kDone) << "the answer is not complete";
  if (error_) return format_->refusal(*error_);
  used_ = usage();
  const int32_t best = options_.best_per_prompt;
  if (best > 0 && best < options_.choices_per_prompt) keep_the_best();
  return {.body = format_->whole(choices_, *used_)};
}

}  // namespace holdfast
