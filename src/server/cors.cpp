#include "server/cors.h"

#include <algorithm>

namespace holdfast {

namespace {

constexpr size_t kMaxAskedFields = 1024;

// A list of field names and nothing else: safe to give back.
bool is_list_of_names(std::string_view text) {
  return text.size() <= kMaxAskedFields && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == ',' || c == ' ';
         });
}

}  // namespace

Status check_origin(const std::string& origin) {
  const std::string_view text = origin;
  const size_t scheme = text.find("://");
  const std::string_view host = scheme == std::string_view::npos ? "" : text.substr(scheme + 3);
  const bool plain = std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':' ||
           c == '[' || c == ']';
  });
  const bool known = text.starts_with("https://") || text.starts_with("http://");
  if (known && !host.empty() && plain) return {};
  return fail(Code::kInvalidArgument, "'" + origin + "' is not an origin", "--cors-origin",
              "name each as browsers write it: https://host or https://host:port, in lower case");
}

bool lists_origin(Origins origins, std::string_view origin) {
  return !origin.empty() && std::find(origins.begin(), origins.end(), origin) != origins.end();
}

HttpFields cors_fields(std::string_view origin) {
  return {{"access-control-allow-origin", std::string(origin)},
          {"access-control-expose-headers",
           "holdfast-receipt, retry-after, traceparent, x-ratelimit-limit-requests, "
           "x-ratelimit-limit-tokens, x-ratelimit-remaining-requests, "
           "x-ratelimit-remaining-tokens, x-ratelimit-reset-requests, x-ratelimit-reset-tokens, "
           "x-request-id"},
          {"vary", "origin"}};
}

bool is_preflight(const HttpRequest& request) {
  return request.method == "OPTIONS" && !request.field("access-control-request-method").empty();
}

HttpResponse preflight_response(const HttpRequest& request) {
  HttpResponse response{.status = 204, .content_type = {}};
  response.fields = {{"access-control-allow-methods", "GET, HEAD, POST, DELETE"},
                     {"access-control-max-age", "600"}};
  const std::string_view asked = request.field("access-control-request-headers");
  if (!asked.empty() && is_list_of_names(asked)) {
    response.fields.emplace_back("access-control-allow-headers", asked);
  }
  return response;
}

}  // namespace holdfast
