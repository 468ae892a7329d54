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
  return !event.reasoning.empty() || !event.content.empty() || !event.logprobs.empty() ||
         !event.reasoning_logprobs.empty();
}

void move_to_back(std::vector<TextLogprobs>& from, std::vector<TextLogprobs>& to) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

}  // namespace

GenerationAnswer::GenerationAnswer(std::vector<std::unique_ptr<TextStream>> streams,
                                   std::unique_ptr<AnswerFormat> format,
                                   const GenerationAnswerOptions& options)
    : format_(std::move(format)), options_(options) {
  for (auto& stream : streams) {
    Choice& choice = choices_.emplace_back();
    choice.usage = stream->usage();
    choice.stream = std::move(stream);
  }
}

void GenerationAnswer::on_ready(std::function<void()> wake) {
  for (Choice& choice : choices_) choice.stream->on_ready(wake);
}

Answer::Progress GenerationAnswer::advance(std::string& out) {
  if (done_) return Progress::kDone;
  if (!opened_ && options_.stream) {
    for (size_t i = 0; i < choices_.size(); ++i) format_->opening(static_cast<int32_t>(i), out);
  }
  opened_ = true;
  bool any = true;
  while (any && !done_) {
    any = false;
    // In turns, so that no choice starves another.
    for (size_t i = 0; i < choices_.size() && !done_; ++i) {
      if (!choices_[i].done && take(static_cast<int32_t>(i), out)) any = true;
    }
    if (!done_ && out.size() >= kFlushBytes) return Progress::kMore;
  }
  return done_ ? Progress::kDone : Progress::kWaiting;
}

bool GenerationAnswer::take(int32_t index, std::string& out) {
  Choice& choice = choices_[static_cast<size_t>(index)];
  std::optional<TextEvent> event = choice.stream->try_next();
  if (!event) return false;
  if (event->end && (event->error || event->finish == FinishReason::kError ||
                     event->finish == FinishReason::kCancelled)) {
    fail(event->error.value_or(event->finish == FinishReason::kCancelled
                                   ? Error{Code::kUnavailable, "The generation was stopped"}
                                   : Error{Code::kInternal, "The generation failed"}),
         out);
    return true;
  }
  if (options_.stream) {
    if (says_something(*event)) format_->delta(index, *event, out);
  } else {
    choice.reasoning += event->reasoning;
    choice.content += event->content;
    move_to_back(event->logprobs, choice.logprobs);
    move_to_back(event->reasoning_logprobs, choice.reasoning_logprobs);
  }
  if (!event->end) return true;
  choice.done = true;
  choice.finish = event->finish;
  choice.usage = event->usage;
  choice.stream.reset();
  if (options_.stream) format_->closing(index, choice.finish, out);
  for (const Choice& other : choices_) {
    if (!other.done) return true;
  }
  finish(out);
  return true;
}

void GenerationAnswer::finish(std::string& out) {
  done_ = true;
  if (!options_.stream) return;
  if (options_.include_usage) format_->usage(total(), out);
  append_sse("[DONE]", out);
}

void GenerationAnswer::fail(const Error& error, std::string& out) {
  done_ = true;
  for (Choice& choice : choices_) {
    if (!choice.stream) continue;
    choice.usage = choice.stream->usage();
    choice.stream.reset();
  }
  error_ = to_api_error(error);
  if (options_.stream) append_sse(error_->json(), out);
}

void GenerationAnswer::interrupt(std::string& out) {
  if (!done_) fail({Code::kUnavailable, "The server is stopping"}, out);
}

// The prompt counts once for all its choices.
Usage GenerationAnswer::total() const {
  Usage sum;
  for (size_t i = 0; i < choices_.size(); ++i) {
    const Usage& usage = choices_[i].usage;
    sum.completion_tokens += usage.completion_tokens;
    sum.reasoning_tokens += usage.reasoning_tokens;
    if (i % static_cast<size_t>(options_.choices_per_prompt) != 0) continue;
    sum.prompt_tokens += usage.prompt_tokens;
    sum.cached_tokens += usage.cached_tokens;
  }
  return sum;
}

HttpResponse GenerationAnswer::response() {
  CHECK(done_) << "the answer is not complete";
  if (error_) return error_->response();
  return {.body = format_->whole(choices_, total())};
}

int64_t GenerationAnswer::generated_tokens() const {
  int64_t sum = 0;
  for (const Choice& choice : choices_) {
    sum += (choice.stream ? choice.stream->usage() : choice.usage).completion_tokens;
  }
  return sum;
}

}  // namespace holdfast
