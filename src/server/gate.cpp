#include "server/gate.h"

#include <fmt/format.h>

#include "server/loopback_guard.h"

namespace holdfast {

namespace {

std::optional<ApiError> check_page(const HttpRequest& request, Transport transport,
                                   Origins origins) {
  switch (transport) {
    case Transport::kLoopback:
      return check_loopback_origin(request, origins);
    case Transport::kTls:
      return check_same_origin(request, origins);
    case Transport::kUnix:
      break;  // no browser reaches it
  }
  return std::nullopt;
}

// Anthropic's clients show their key in a field of its own.
std::string authorization_of(const HttpRequest& head) {
  const std::string_view authorization = head.field("authorization");
  if (!authorization.empty()) return std::string(authorization);
  const std::string_view key = head.field("x-api-key");
  return key.empty() ? std::string() : fmt::format("Bearer {}", key);
}

// 350 becomes "5m50s", as OpenAI writes durations.
std::string duration_text(int64_t seconds) {
  std::string out;
  if (seconds >= 3600) out += fmt::format("{}h", seconds / 3600);
  if (seconds >= 60) out += fmt::format("{}m", seconds / 60 % 60);
  return out + fmt::format("{}s", seconds % 60);
}

// RFC 6750, section 3.
ApiError unauthenticated(const AuthenticationFailure& failure) {
  if (failure.retry_after > 0) {
    return {429,
            "Too many failed attempts from your address",
            "too_many_failures",
            {},
            {{"retry-after", std::to_string(failure.retry_after)}}};
  }
  if (failure.nothing_shown) {
    return {401,
            "This server wants a key: send 'Authorization: Bearer KEY'",
            "missing_api_key",
            {},
            {{"www-authenticate", "Bearer realm=\"holdfast\""}}};
  }
  return {401,
          fmt::format("You are not known here: {}", failure.message),
          "invalid_api_key",
          {},
          {{"www-authenticate", "Bearer realm=\"holdfast\", error=\"invalid_token\""}}};
}

ApiError not_permitted(const Caller& caller, std::string_view permission) {
  return {403,
          fmt::format("'{}' lacks the permission {}", caller.name, permission),
          "permission_denied",
          {},
          {{"www-authenticate",
            fmt::format("Bearer realm=\"holdfast\", error=\"insufficient_scope\", scope=\"{}\"",
                        permission)}}};
}

}  // namespace

Passage pass_gate(const HttpRequest& head, const Peer& peer, AccessControl* access,
                  Origins origins) {
  Passage out;
  if (auto foreign = check_page(head, peer.transport, origins)) {
    out.refusal = std::move(foreign);
    return out;
  }
  if (const std::string_view origin = head.field("origin"); lists_origin(origins, origin)) {
    out.fields = cors_fields(origin);
    if (is_preflight(head)) {  // comes without a key, always
      out.answer = preflight_response(head);
      return out;
    }
  }
  if ((out.trace = continue_trace(head.field("traceparent")))) {
    out.fields.emplace_back("traceparent", out.trace->field());
  }
  RouteMatch match = match_route(head);
  if (match.route != nullptr) out.errors = match.route->errors;
  const bool is_public = match.route != nullptr && match.route->permission == kPublic;
  if (access == nullptr) {
    out.caller = std::make_shared<const Caller>(Caller::local());
  } else {
    const std::string shown = authorization_of(head);
    auto who = access->authenticate({.authorization = shown,
                                     .certificate_subject = peer.certificate_subject,
                                     .peer = peer.address});
    if (auto* caller = std::get_if<Caller>(&who)) {
      out.caller = std::make_shared<const Caller>(std::move(*caller));
    } else if (is_public) {
      out.caller = std::make_shared<const Caller>();  // nobody, who may nothing
    } else {
      out.refusal = unauthenticated(std::get<AuthenticationFailure>(who));
      return out;
    }
  }
  // Only somebody we know learns which routes there are.
  if (match.route == nullptr) {
    out.refusal = std::move(match.error);
  } else if (!is_public && !out.caller->may(match.route->permission)) {
    out.refusal = not_permitted(*out.caller, match.route->permission);
  } else {
    out.match = std::move(match);
  }
  return out;
}

HttpFields rate_limit_fields(AccessControl& access, const Caller& caller) {
  HttpFields out;
  const auto add = [&](Measure measure, std::string_view name) {
    const auto left = access.allowance(caller, measure);
    if (!left) return;
    out.emplace_back(fmt::format("x-ratelimit-limit-{}", name), std::to_string(left->limit));
    out.emplace_back(fmt::format("x-ratelimit-remaining-{}", name),
                     std::to_string(left->remaining));
    out.emplace_back(fmt::format("x-ratelimit-reset-{}", name), duration_text(left->reset_seconds));
  };
  add(Measure::kRequests, "requests");
  add(Measure::kTokens, "tokens");
  return out;
}

ApiError quota_error(const QuotaRefusal& refusal) {
  return {429,
          refusal.message,
          "rate_limit_exceeded",
          {},
          {{"retry-after", std::to_string(refusal.retry_after)}}};
}

}  // namespace holdfast
