// What the server tells the audit log, and when an answer may go without.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "audit/audit_log.h"
#include "audit/payload.h"
#include "server/api_error.h"
#include "server/http_message.h"

namespace holdfast {

struct AuditorOptions {
  audit::PayloadPolicy payload = audit::PayloadPolicy::kHmac;
  // Patterns of routes that go on without a record when none can be written ("/v1/completions").
  // All others fail closed.
  std::vector<std::string> open_routes;
};

// Thread-safe.
class Auditor {
 public:
  Auditor(std::unique_ptr<audit::AuditLog> log, const audit::PayloadKeys& keys,
          AuditorOptions options)
      : log_(std::move(log)), keys_(keys), options_(std::move(options)) {}

  audit::AuditLog& log() { return *log_; }
  const audit::PayloadKeys& keys() const { return keys_; }
  audit::PayloadPolicy payload() const { return options_.payload; }

  // 503, code audit_unavailable, when this route needs a record and none can be written. May wait
  // for the disk.
  ApiResult<void> check_ready(std::string_view route);
  bool fails_open(std::string_view route) const;

 private:
  std::unique_ptr<audit::AuditLog> log_;
  audit::PayloadKeys keys_;
  AuditorOptions options_;
};

// What a client is told when its answer could not be put on record.
ApiError audit_unavailable();

}  // namespace holdfast
