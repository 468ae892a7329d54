#include "server/api_error.h"

#include <algorithm>

#include "files/json_writer.h"

namespace holdfast {

namespace {

std::string_view anthropic_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
      return "overloaded_error";
    default:
      return status >= 499 ? "api_error" : "invalid_request_error";
  }
}

}  // namespace

std::string_view ApiError::type() const {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 501:
    case 505:
      return "invalid_request_error";
    case 429:
      return "rate_limit_error";
    default:
      return status >= 499 ? "server_error" : "invalid_request_error";
  }
}

std::string ApiError::json(ErrorForm form) const {
  JsonWriter w(JsonWriter::kCompact);
  if (form == ErrorForm::kAnthropic) {
    w.begin_object().field("type", "error").key("error").begin_object();
    w.field("type", anthropic_type(status)).field("message", message).end_object().end_object();
    return w.take();
  }
  w.begin_object().key("error").begin_object();
  w.field("message", message).field("type", type());
  param.empty() ? w.null_field("param") : w.field("param", param);
  code.empty() ? w.null_field("code") : w.field("code", code);
  w.end_object().end_object();
  return w.take();
}

HttpResponse ApiError::response(ErrorForm form) const {
  HttpResponse out{.status = status, .fields = fields, .body = json(form)};
  // "Later" says when, always: at the least, not at once.
  const bool later = status == 429 || status == 503;
  const bool says_when = std::any_of(
      fields.begin(), fields.end(), [](const auto& field) { return field.first == "retry-after"; });
  if (later && !says_when) out.fields.emplace_back("retry-after", "1");
  return out;
}

ApiError to_api_error(const Error& error) {
  return {.status = code_info(error.code).http_status,
          .message = to_string(error),
          .code = std::string(code_info(error.code).name)};
}

}  // namespace holdfast
