// The messages of a chat so far, and one more answer.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "engine/served_model.h"

namespace holdfast::cli {

struct ChatAnswer {
  std::string reasoning, content;
  FinishReason finish = FinishReason::kStop;
  ThinkingEnd thinking_end = ThinkingEnd::kOwn;
  Usage usage;
  uint64_t seed = 0;
};

class Conversation {
 public:
  // `system`: the system message; empty: none. `model` must outlive this object.
  Conversation(ServedModel& model, std::string system, TextOptions options,
               const ReasoningOptions& reasoning = {});

  // Asks and waits for the answer, which becomes part of the conversation (without its thinking),
  // as does a stopped one. `see` gets each event; `stop` is asked several times a second, and ends
  // the answer by true (kCancelled). After an error the conversation is as before.
  Result<ChatAnswer> ask(const std::string& prompt,
                         const std::function<void(const TextEvent&)>& see,
                         const std::function<bool()>& stop);
  void clear();

 private:
  ServedModel& model_;
  const std::string system_;
  const TextOptions options_;
  const ReasoningOptions reasoning_;
  std::string messages_;  // the elements of a JSON array, each followed by a comma
};

// {"reasoning_content", "content", "finish_reason", "seed", "usage"} as JSON text, and
// "reasoning_finish_reason" where the thinking was closed.
std::string answer_json(const ChatAnswer& answer);

}  // namespace holdfast::cli
