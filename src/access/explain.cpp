#include "access/explain.h"

#include <algorithm>

#include <fmt/format.h>

#include "access/permission.h"

namespace holdfast {

namespace {

std::string list(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

void describe_quota(const Quota& quota, std::string_view whose, std::vector<std::string>& reasons) {
  const auto windows = [&](std::string_view name, const Quota::Windows& w) {
    if (w.minute) reasons.push_back(fmt::format("{}: {} {} a minute", whose, *w.minute, name));
    if (w.day) reasons.push_back(fmt::format("{}: {} {} a day", whose, *w.day, name));
    if (w.month) reasons.push_back(fmt::format("{}: {} {} a month", whose, *w.month, name));
  };
  windows("requests", quota.requests);
  windows("tokens", quota.tokens);
  windows("reasoning tokens", quota.reasoning_tokens);
  if (quota.concurrency) {
    reasons.push_back(fmt::format("{}: {} requests at once", whose, *quota.concurrency));
  }
}

}  // namespace

Result<Decision> explain(const AccessPolicy& policy, const std::string& who,
                         const std::string& action, const std::string& model,
                         const std::optional<KeyInfo>& key, int64_t now) {
  if (!is_permission(action) || action.ends_with('*')) {
    const std::string near = nearest_permission(action);
    return fail(Code::kInvalidArgument, fmt::format("there is no action '{}'", action), {},
                near.empty() ? "'holdfast access permissions' lists them"
                             : fmt::format("did you mean '{}'?", near));
  }
  Decision out;
  std::vector<std::string> roles;
  std::string tenant, user;
  bool refused = false;
  const auto refuse = [&](std::string reason) {
    refused = true;
    out.reasons.push_back(std::move(reason));
  };
  if (key) {
    user = key->owner;
    roles = key->roles;
    tenant = key->tenant;
    out.reasons.push_back(fmt::format("key {} belongs to '{}'", key->id, key->owner));
    if (key->revoked != 0) refuse("the key was revoked");
    if (key->expires != 0 && key->expires <= now) refuse("the key has expired");
  } else if (policy.users.contains(who)) {
    user = who;
  } else if (policy.roles.contains(who)) {
    roles = {who};
    out.reasons.push_back(fmt::format("'{}' is a role ({})", who, policy.roles.at(who).where));
  } else {
    return fail(Code::kNotFound, fmt::format("'{}' is neither a user nor a role", who),
                policy.file);
  }
  if (const auto found = policy.users.find(user); found != policy.users.end()) {
    if (roles.empty()) roles = found->second.roles;
    if (tenant.empty()) tenant = found->second.tenant;
    out.reasons.push_back(fmt::format("'{}' is a user ({}), roles: {}{}", user, found->second.where,
                                      roles.empty() ? "none" : list(roles),
                                      tenant.empty() ? "" : ", tenant: " + tenant));
  }
  for (const std::string& role : roles) {
    if (!policy.roles.contains(role)) {
      out.reasons.push_back(fmt::format("there is no role '{}' in the policy", role));
    }
  }
  const Grants grants = policy.grants(roles, tenant, user);
  if (const auto* granted = grants.find(action)) {
    out.reasons.push_back(fmt::format("{} grants {}", granted->source, granted->permission));
  } else {
    refuse(fmt::format("nothing grants {}", action));
  }
  if (key && !key->scopes.empty()) {
    const bool in_scope =
        std::any_of(key->scopes.begin(), key->scopes.end(),
                    [&](const std::string& scope) { return covers(scope, action); });
    const std::string text = fmt::format("the key is limited to {}", list(key->scopes));
    in_scope ? out.reasons.push_back(text) : refuse(text);
  }
  if (!model.empty()) {
    grants.may_use_model(model)
        ? out.reasons.push_back(fmt::format("model '{}' is allowed", model))
        : refuse(fmt::format("model '{}' is on no list that holds here", model));
  } else if (action.starts_with("model:")) {
    for (const auto& patterns : grants.models) {
      out.reasons.push_back("only models: " + (patterns.empty() ? "none" : list(patterns)));
    }
  }
  if (grants.thinking != ThinkingView::kShown)
    out.reasons.push_back(fmt::format("thinking is {}", thinking_view_name(grants.thinking)));
  if (grants.thinking_budget)
    out.reasons.push_back(
        fmt::format("an answer's thinking ends after {} tokens", *grants.thinking_budget));
  if (grants.priority != Priority::kNormal) {
    out.reasons.push_back(
        fmt::format("requests of priority {} at most", priority_name(grants.priority)));
  }
  describe_quota(grants.quota, "quota", out.reasons);
  if (const auto found = policy.tenants.find(tenant); found != policy.tenants.end()) {
    describe_quota(found->second.rules.quota, "quota of tenant " + tenant, out.reasons);
    if (found->second.weight != 1) {
      out.reasons.push_back(fmt::format("tenant {} has weight {}", tenant, found->second.weight));
    }
  }
  out.allowed = !refused;
  return out;
}

}  // namespace holdfast
