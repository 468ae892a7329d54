// One generation's record: gathered while the answer is made, closed before its last byte leaves.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "engine/served_model.h"
#include "server/auditor.h"
#include "server/openai_request.h"
#include "server/router.h"

namespace holdfast {

struct Choice;

// Used from one thread at a time; close() is called once, whatever becomes of the answer.
class AnswerAudit {
 public:
  // `seeds`: of each choice. Says at once, without waiting, that a stream begins: text that leaves
  // must be on record even if nothing closes the answer.
  AnswerAudit(std::shared_ptr<Auditor> auditor, const Call& call, std::string_view route,
              const ServedModel& model, const OpenAiRequest& request, std::vector<uint64_t> seeds);

  const std::string& receipt() const { return receipt_; }
  // Called from any thread once the record that close() wrote is safe, or cannot be.
  void on_settled(std::function<void()> wake);

  void take(size_t choice, const TextEvent& event);
  // `outcome`: "complete", "failed", "cancelled" (the client left); `error`: its code, or empty.
  void close(const std::vector<Choice>& choices, const Usage& total, std::string_view outcome,
             std::string_view error = {});
  // After close(). Nothing: not known yet. An error: the answer must not be given.
  std::optional<Status> settled() const;

 private:
  struct Texts {
    HmacSha256 reasoning, content;
    std::string reasoning_text, content_text;  // kept only when the policy stores them
  };
  // What the log's thread and ours share.
  struct Outcome {
    std::mutex mutex;
    std::optional<Status> status;
    std::function<void()> wake;
  };
  using Clock = std::chrono::steady_clock;

  std::string head(std::string_view event) const;

  std::shared_ptr<Auditor> auditor_;
  std::string receipt_, route_, request_id_, facts_, request_digest_, body_;
  std::vector<uint64_t> seeds_;
  std::vector<Texts> texts_;
  Clock::time_point begin_ = Clock::now();
  std::optional<Clock::duration> first_;
  std::shared_ptr<Outcome> outcome_ = std::make_shared<Outcome>();
};

// The record of who asked, as JSON: {"id", "tenant", "roles", "credential"}.
std::string who_json(const Caller& caller);

}  // namespace holdfast
