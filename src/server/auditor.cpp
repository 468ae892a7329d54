#include "server/auditor.h"

#include <algorithm>

#include "base/log.h"

namespace holdfast {

ApiError audit_unavailable() {
  return {503,
          "This server records every answer, and its audit log cannot be written now; tell whoever "
          "runs it",
          "audit_unavailable",
          {},
          {{"retry-after", "5"}}};
}

bool Auditor::fails_open(std::string_view route) const {
  const auto& open = options_.open_routes;
  return std::find(open.begin(), open.end(), route) != open.end();
}

ApiResult<void> Auditor::check_ready(std::string_view route) {
  if (log_->ready()) return {};
  if (fails_open(route)) {
    spdlog::warn("audit: {} goes on without a record", route);
    return {};
  }
  return tl::unexpected(audit_unavailable());
}

}  // namespace holdfast
