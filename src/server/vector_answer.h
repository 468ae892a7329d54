// The answer of a route that computes vectors: embeddings, or a reranker's scores.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/served_embedder.h"
#include "server/api_error.h"
#include "server/audit_record.h"
#include "server/reply.h"
#include "server/router.h"

namespace holdfast {

// Its record: who asked which model for what, and digests of both bodies.
class VectorAudit {
 public:
  // `event`: "embedding" or "rerank".
  VectorAudit(std::shared_ptr<Auditor> auditor, const Call& call, std::string_view route,
              std::string_view event, const ServedEmbedder& model);

  AuditRecord& record() { return record_; }
  const AuditRecord& record() const { return record_; }
  // `outcome`: "complete", "failed" or "cancelled"; `answer`: the body that is given, or empty.
  void close(std::string_view outcome, std::string_view error, int64_t tokens,
             std::string_view answer);

 private:
  using Clock = std::chrono::steady_clock;
  AuditRecord record_;
  std::string facts_, request_;  // request_: kept only when the policy stores it
  Clock::time_point begin_ = Clock::now();
};

class VectorAnswer final : public Answer {
 public:
  using Format = std::function<std::string(Vectors vectors, int64_t tokens)>;
  // `audit` may be null: nothing is recorded.
  VectorAnswer(std::shared_ptr<VectorJob> job, Format format, std::unique_ptr<VectorAudit> audit);
  ~VectorAnswer() override;

  void on_ready(std::function<void()> wake) override;
  bool streams() const override { return false; }
  Progress advance(std::string& out) override;
  void interrupt(std::string& out) override;
  HttpResponse response() override;
  HttpFields fields() const override;
  Usage usage() const override;

 private:
  enum class State { kRunning, kClosing, kDone };  // closing: until the record is safe
  void close(std::string_view outcome);

  std::shared_ptr<VectorJob> job_;
  Format format_;
  std::unique_ptr<VectorAudit> audit_;
  State state_ = State::kRunning;
  std::string body_;
  std::optional<ApiError> error_;
};

}  // namespace holdfast
