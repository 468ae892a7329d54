// One generation's record: gathered while the answer is made, closed before its last byte leaves.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "engine/served_model.h"
#include "server/audit_record.h"
#include "server/openai_request.h"
#include "server/router.h"

namespace holdfast {

struct Choice;

// Used from one thread at a time; close() is called once, whatever becomes of the answer.
class AnswerAudit {
 public:
  // `seeds`: of each choice; `reasoning`: as the caller's roles left it, of a chat. Says at once,
  // without waiting, that a stream begins: text that leaves must be on record even if nothing
  // closes the answer.
  AnswerAudit(std::shared_ptr<Auditor> auditor, const Call& call, std::string_view route,
              const ServedModel& model, const OpenAiRequest& request, std::vector<uint64_t> seeds,
              const ReasoningOptions* reasoning);

  const std::string& receipt() const { return record_.receipt(); }
  // As AuditRecord has them.
  void on_settled(std::function<void()> wake) { record_.on_settled(std::move(wake)); }
  std::optional<Status> settled() const { return record_.settled(); }

  void take(size_t choice, const TextEvent& event);
  // `outcome`: "complete", "failed", "cancelled" (the client left); `error`: its code, or empty.
  void close(const std::vector<Choice>& choices, const Usage& total, std::string_view outcome,
             std::string_view error = {});

 private:
  struct Texts {
    HmacSha256 reasoning, content;
    std::string reasoning_text, content_text;  // kept only when the policy stores them
  };
  using Clock = std::chrono::steady_clock;

  std::string head(std::string_view event) const;

  AuditRecord record_;
  std::string request_id_, facts_, request_digest_, body_;
  std::vector<uint64_t> seeds_;
  std::vector<Texts> texts_;
  Clock::time_point begin_ = Clock::now();
  std::optional<Clock::duration> first_;
};

// What of an event's answer goes on record: its content, then each call of a tool as U+001E, the
// name, U+001F and the arguments.
std::string recorded_content(const TextEvent& event);

// The record of who asked, as JSON: {"id", "tenant", "roles", "credential"}.
std::string who_json(const Caller& caller);

}  // namespace holdfast
