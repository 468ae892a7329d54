#include "cli/conversation.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

#include <boost/json.hpp>

namespace holdfast::cli {

namespace {

namespace json = boost::json;

std::string message_json(std::string_view role, std::string_view content) {
  return json::serialize(json::object{{"role", role}, {"content", content}});
}

// Lets a thread wait for a stream's events and look up now and then.
struct Bell {
  std::mutex mutex;
  std::condition_variable rung;
  bool ringing = false;

  void ring() {
    const std::lock_guard lock(mutex);
    ringing = true;
    rung.notify_one();
  }
  void wait(std::chrono::milliseconds longest) {
    std::unique_lock lock(mutex);
    rung.wait_for(lock, longest, [&] { return ringing; });
    ringing = false;
  }
};

}  // namespace

Conversation::Conversation(ServedModel& model, std::string system, TextOptions options,
                           const ReasoningOptions& reasoning)
    : model_(model),
      system_(std::move(system)),
      options_(std::move(options)),
      reasoning_(reasoning) {
  clear();
}

void Conversation::clear() {
  messages_ = system_.empty() ? "" : message_json("system", system_) + ",";
}

Result<ChatAnswer> Conversation::ask(const std::string& prompt,
                                     const std::function<void(const TextEvent&)>& see,
                                     const std::function<bool()>& stop) {
  const std::string question = message_json("user", prompt);
  ChatRequest request;
  request.messages_json = "[" + messages_ + question + "]";
  request.options = options_;
  request.reasoning = reasoning_;
  Bell bell;
  ASSIGN_OR_RETURN(auto stream, model_.chat(request));  // dropped before the bell
  stream->on_ready([&] { bell.ring(); });

  ChatAnswer answer;
  answer.seed = stream->seed();
  for (bool end = false; !end;) {
    bell.wait(std::chrono::milliseconds(50));
    while (auto event = stream->try_next()) {
      if (event->error) return fail(*event->error);
      answer.reasoning += event->reasoning;
      answer.content += event->content;
      if (event->end) {
        answer.finish = event->finish;
        answer.thinking_end = event->thinking_end;
        end = true;
        break;
      }
      see(*event);
    }
    if (!end && stop()) {
      answer.finish = FinishReason::kCancelled;
      end = true;
    }
  }
  answer.usage = stream->usage();
  messages_ += question + "," + message_json("assistant", answer.content) + ",";
  return answer;
}

std::string answer_json(const ChatAnswer& answer) {
  const json::object usage{{"prompt_tokens", answer.usage.prompt_tokens},
                           {"completion_tokens", answer.usage.completion_tokens},
                           {"reasoning_tokens", answer.usage.reasoning_tokens},
                           {"cached_tokens", answer.usage.cached_tokens},
                           {"drafted_tokens", answer.usage.drafted_tokens},
                           {"accepted_tokens", answer.usage.accepted_tokens}};
  json::object out{{"reasoning_content", answer.reasoning},
                   {"content", answer.content},
                   {"finish_reason", finish_reason_name(answer.finish)},
                   {"seed", answer.seed},
                   {"usage", usage}};
  if (answer.thinking_end != ThinkingEnd::kOwn)
    out["reasoning_finish_reason"] = thinking_end_name(answer.thinking_end);
  return json::serialize(out);
}

}  // namespace holdfast::cli
