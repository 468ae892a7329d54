#include "base/error.h"

#include <array>

#include "base/check.h"

namespace holdfast {

std::string to_string(const Error& error) {
  std::string text = error.message;
  if (!error.where.empty()) text += " (" + error.where + ")";
  if (!error.hint.empty()) text += ". " + error.hint;
  return text;
}

const CodeInfo& code_info(Code code) {
  static constexpr std::array<CodeInfo, 10> kTable{{
      {"invalid_argument", 400, "invalid_request_error", 1},
      {"not_found", 404, "invalid_request_error", 1},
      {"corrupt", 422, "invalid_request_error", 1},
      {"unauthenticated", 401, "authentication_error", 1},
      {"permission_denied", 403, "permission_error", 1},
      {"resource_exhausted", 429, "rate_limit_error", 1},
      {"unavailable", 503, "server_error", 1},
      {"unimplemented", 400, "invalid_request_error", 1},
      {"cancelled", 499, "server_error", 1},
      {"internal", 500, "server_error", 1},
  }};
  const auto index = static_cast<std::size_t>(code);
  CHECK(index < kTable.size()) << "code " << index;
  return kTable[index];
}

}  // namespace holdfast
