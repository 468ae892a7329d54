// One answer's place in the audit log: what is written there, and when it is safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/auditor.h"

namespace holdfast {

// Used from one thread at a time.
class AuditRecord {
 public:
  AuditRecord(std::shared_ptr<Auditor> auditor, std::string_view route);

  Auditor& auditor() const { return *auditor_; }
  const std::string& receipt() const { return receipt_; }
  const std::string& route() const { return route_; }
  // Called from any thread once the record that close() wrote is safe, or cannot be.
  void on_settled(std::function<void()> wake);

  // Appends without waiting for it.
  void note(std::string record);
  // The last of the answer's records: settled() tells what becomes of it. Once.
  void close(std::string record);
  // After close(). Nothing: not known yet. An error: the answer must not be given.
  std::optional<Status> settled() const;

 private:
  // What the log's thread and ours share.
  struct Outcome {
    std::mutex mutex;
    std::optional<Status> status;
    std::function<void()> wake;
  };

  std::shared_ptr<Auditor> auditor_;
  std::string receipt_, route_;
  std::shared_ptr<Outcome> outcome_ = std::make_shared<Outcome>();
};

}  // namespace holdfast
