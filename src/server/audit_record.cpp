#include "server/audit_record.h"

#include <utility>

#include "audit/receipt.h"
#include "base/log.h"

namespace holdfast {

AuditRecord::AuditRecord(std::shared_ptr<Auditor> auditor, std::string_view route)
    : auditor_(std::move(auditor)), receipt_(audit::new_receipt()), route_(route) {}

void AuditRecord::on_settled(std::function<void()> wake) {
  const std::lock_guard lock(outcome_->mutex);
  outcome_->wake = std::move(wake);
}

void AuditRecord::note(std::string record) { auditor_->log().append(std::move(record), nullptr); }

void AuditRecord::close(std::string record) {
  const bool open = auditor_->fails_open(route_);
  auditor_->log().append(
      std::move(record), [shared = outcome_, open, receipt = receipt_](Status status) {
        if (!status) {
          spdlog::error("audit: {} {}: {}", receipt, open ? "goes without a record" : "is refused",
                        to_string(status.error()));
          if (open) status = {};
        }
        std::function<void()> wake;
        {
          const std::lock_guard lock(shared->mutex);
          shared->status = std::move(status);
          wake = shared->wake;
        }
        if (wake) wake();
      });
}

std::optional<Status> AuditRecord::settled() const {
  const std::lock_guard lock(outcome_->mutex);
  return outcome_->status;
}

}  // namespace holdfast
