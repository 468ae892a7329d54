#include "server/loopback_guard.h"

#include <algorithm>
#include <cctype>
#include <string>

namespace holdfast {

namespace {

// The host and port of the page that made the request; empty for a page without ("null"); nothing
// when no page did.
std::optional<std::string_view> origin_of(const HttpRequest& request) {
  const std::string_view origin = request.field("origin");
  if (origin.empty()) return std::nullopt;
  const size_t scheme = origin.find("://");
  return scheme == std::string_view::npos ? std::string_view() : origin.substr(scheme + 3);
}

ApiError other_origin() {
  return {403, "Web pages of other origins may not use this server", "origin_not_allowed", {}, {}};
}

}  // namespace

bool is_loopback_authority(std::string_view host) {
  if (host.starts_with("[::1]")) return host.size() == 5 || host[5] == ':';
  host = host.substr(0, host.find(':'));
  std::string name(host);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (name == "localhost" || name.ends_with(".localhost")) return true;
  return name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string::npos;
}

std::optional<ApiError> check_loopback_origin(const HttpRequest& request, Origins listed) {
  const bool has_host = std::any_of(request.fields.begin(), request.fields.end(),
                                    [](const auto& field) { return field.first == "host"; });
  if (has_host && !is_loopback_authority(request.field("host"))) {
    return ApiError{403,
                    "Without TLS this server answers requests to localhost only, and the Host "
                    "field names something else",
                    "host_not_allowed",
                    {},
                    {}};
  }
  const auto origin = origin_of(request);
  if (!origin || is_loopback_authority(*origin)) return std::nullopt;
  if (lists_origin(listed, request.field("origin"))) return std::nullopt;
  return other_origin();
}

std::optional<ApiError> check_same_origin(const HttpRequest& request, Origins listed) {
  const auto origin = origin_of(request);
  if (!origin || *origin == request.field("host")) return std::nullopt;
  if (lists_origin(listed, request.field("origin"))) return std::nullopt;
  return other_origin();
}

}  // namespace holdfast
