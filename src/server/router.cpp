#include "server/router.h"

#include <optional>

#include <fmt/format.h>

namespace holdfast {

namespace {

// What `pattern`'s "{...}" takes of `path` (empty when it has none), or nothing: no match.
std::optional<std::string_view> match(std::string_view pattern, std::string_view path) {
  const size_t open = pattern.find('{');
  if (open == std::string_view::npos) {
    return pattern == path ? std::optional(std::string_view()) : std::nullopt;
  }
  const size_t close = pattern.find('}');
  const std::string_view tail = pattern.substr(close + 1);
  if (!path.starts_with(pattern.substr(0, open))) return std::nullopt;
  std::string_view taken = path.substr(open);
  if (!taken.ends_with(tail)) return std::nullopt;
  taken.remove_suffix(tail.size());
  const bool many = pattern[close - 1] == '*';
  if (taken.empty() || (!many && taken.find('/') != std::string_view::npos)) return std::nullopt;
  return taken;
}

}  // namespace

RouteMatch match_route(const HttpRequest& request) {
  std::string_view wanted = request.method;
  if (wanted == "HEAD") wanted = "GET";
  std::string allowed;
  for (const Route& route : routes()) {
    const auto rest = match(route.pattern, request.path);
    if (!rest) continue;
    if (route.method == wanted) return {&route, std::string(*rest), {}};
    if (!allowed.empty()) allowed += ", ";
    allowed += route.method == "GET" ? "GET, HEAD" : route.method;
  }
  if (allowed.empty()) {
    return {nullptr, {}, {404, "There is no such route on this server", "route_not_found", {}, {}}};
  }
  return {nullptr,
          {},
          {405,
           fmt::format("This route does not take {}; it takes {}",
                       request.method.size() <= 16 ? request.method : "this method", allowed),
           "method_not_allowed",
           {},
           {{"allow", allowed}}}};
}

}  // namespace holdfast
