#include "access/policy.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "access/permission.h"

namespace holdfast {

namespace {

using Limit = std::optional<int64_t>;

template <class Merge>
void merge_limits(Quota& quota, const Quota& other, const Merge& merge) {
  for (const auto windows : {&Quota::requests, &Quota::tokens, &Quota::reasoning_tokens}) {
    for (const auto span :
         {&Quota::Windows::minute, &Quota::Windows::day, &Quota::Windows::month}) {
      merge(quota.*windows.*span, other.*windows.*span);
    }
  }
  merge(quota.concurrency, other.concurrency);
}

bool grants_models(const std::vector<Grants::Granted>& granted) {
  return std::any_of(granted.begin(), granted.end(), [](const Grants::Granted& one) {
    return one.permission == "*" || one.permission.starts_with("model:");
  });
}

// A role with what it inherits. Its own rules go before those it inherits.
struct Effective {
  std::vector<Grants::Granted> permissions;
  Rules rules;
};

template <class T>
void take_smaller(std::optional<T>& mine, const std::optional<T>& other) {
  if (other && (!mine || *other < *mine)) mine = other;
}

void narrow_thinking(const Rules& rules, Grants& out) {
  if (rules.thinking) out.thinking = std::min(out.thinking, *rules.thinking);
  take_smaller(out.thinking_budget, rules.thinking_budget);
}

Effective effective_role(const AccessPolicy& policy, const std::string& name, int depth = 0) {
  Effective out;
  const auto found = policy.roles.find(name);
  // The parser has refused circles.
  if (found == policy.roles.end() || depth > 32) return out;
  const Role& role = found->second;
  for (const std::string& permission : role.permissions) {
    out.permissions.push_back({permission, fmt::format("role '{}' ({})", name, role.where)});
  }
  bool all_models = false;
  for (const std::string& parent : role.inherits) {
    const Effective inherited = effective_role(policy, parent, depth + 1);
    for (const auto& one : inherited.permissions) {
      out.permissions.push_back(
          {one.permission, one.source + fmt::format(", inherited by '{}'", name)});
    }
    if (inherited.rules.models) {
      if (!out.rules.models) out.rules.models.emplace();
      out.rules.models->insert(out.rules.models->end(), inherited.rules.models->begin(),
                               inherited.rules.models->end());
    } else if (grants_models(inherited.permissions)) {
      all_models = true;
    }
    take_smaller(out.rules.thinking, inherited.rules.thinking);
    take_smaller(out.rules.thinking_budget, inherited.rules.thinking_budget);
    if (inherited.rules.priority) {
      out.rules.priority =
          std::max(*inherited.rules.priority, out.rules.priority.value_or(Priority::kLow));
    }
    out.rules.quota.take_stricter(inherited.rules.quota);
  }
  if (all_models) out.rules.models.reset();
  if (role.rules.models) out.rules.models = role.rules.models;
  if (role.rules.thinking) out.rules.thinking = role.rules.thinking;
  if (role.rules.thinking_budget) out.rules.thinking_budget = role.rules.thinking_budget;
  if (role.rules.priority) out.rules.priority = role.rules.priority;
  out.rules.quota.take_given(role.rules.quota);
  return out;
}

}  // namespace

std::string_view thinking_view_name(ThinkingView view) {
  return view == ThinkingView::kHidden    ? "hidden"
         : view == ThinkingView::kCounted ? "counted"
                                          : "shown";
}

std::optional<ThinkingView> find_thinking_view(std::string_view name) {
  for (const auto view : {ThinkingView::kHidden, ThinkingView::kCounted, ThinkingView::kShown}) {
    if (name == thinking_view_name(view)) return view;
  }
  return std::nullopt;
}

bool Quota::empty() const {
  bool any = concurrency.has_value();
  for (const auto* windows : {&requests, &tokens, &reasoning_tokens}) {
    any |= windows->minute || windows->day || windows->month;
  }
  return !any;
}

void Quota::take_stricter(const Quota& other) {
  merge_limits(*this, other, [](Limit& mine, const Limit& theirs) {
    if (theirs && (!mine || *theirs < *mine)) mine = theirs;
  });
}

void Quota::take_given(const Quota& other) {
  merge_limits(*this, other, [](Limit& mine, const Limit& theirs) {
    if (theirs) mine = theirs;
  });
}

bool matches_pattern(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0;
  size_t star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

const Grants::Granted* Grants::find(std::string_view permission) const {
  for (const Granted& granted : permissions) {
    if (covers(granted.permission, permission)) return &granted;
  }
  return nullptr;
}

bool Grants::may_use_model(std::string_view id) const {
  return std::all_of(models.begin(), models.end(), [&](const std::vector<std::string>& list) {
    return std::any_of(list.begin(), list.end(),
                       [&](const std::string& pattern) { return matches_pattern(pattern, id); });
  });
}

Grants AccessPolicy::grants(const std::vector<std::string>& role_names, const std::string& tenant,
                            const std::string& user) const {
  Grants out;
  std::vector<std::string> role_models;
  bool all_models = false;
  std::optional<Priority> highest;  // of the roles
  for (const std::string& name : role_names) {
    const Effective role = effective_role(*this, name);
    out.permissions.insert(out.permissions.end(), role.permissions.begin(), role.permissions.end());
    out.quota.take_stricter(role.rules.quota);
    narrow_thinking(role.rules, out);
    highest =
        std::max(highest.value_or(Priority::kLow), role.rules.priority.value_or(Priority::kNormal));
    // A role that has nothing to do with models says nothing about which.
    if (role.rules.models) {
      role_models.insert(role_models.end(), role.rules.models->begin(), role.rules.models->end());
    } else if (grants_models(role.permissions)) {
      all_models = true;
    }
  }
  if (!all_models) out.models.push_back(std::move(role_models));
  const auto narrow = [&](const Rules& rules) {
    if (rules.models) out.models.push_back(*rules.models);
    narrow_thinking(rules, out);
  };
  out.priority = highest.value_or(Priority::kNormal);
  if (const auto found = users.find(user); found != users.end()) {
    narrow(found->second.rules);
    out.quota.take_given(found->second.rules.quota);
    out.priority = found->second.rules.priority.value_or(out.priority);
  }
  if (const auto found = tenants.find(tenant); found != tenants.end()) {
    narrow(found->second.rules);
    out.priority = std::min(out.priority, found->second.rules.priority.value_or(Priority::kHigh));
  }
  // A tenant that is named and not there grants nothing: whose rules would hold?
  if (!tenant.empty() && !tenants.contains(tenant)) out.permissions.clear();
  return out;
}

const User* AccessPolicy::find_user_of_certificate(std::string_view subject,
                                                   std::string& name) const {
  for (const auto& [user_name, user] : users) {
    if (std::find(user.certificates.begin(), user.certificates.end(), subject) ==
        user.certificates.end()) {
      continue;
    }
    name = user_name;
    return &user;
  }
  return nullptr;
}

AccessPolicy AccessPolicy::standard() {
  AccessPolicy policy;
  policy.file = "without access_control.yaml";
  policy.roles["admin"] = {{"*"}, {}, {}, "built in"};
  policy.roles["admin"].rules.priority = Priority::kHigh;
  policy.roles["user"] = {{"model:read"}, {}, {}, "built in"};
  return policy;
}

}  // namespace holdfast
