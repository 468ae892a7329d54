// access_control.yaml: who may do what, and how much of it. Immutable once read.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/priority.h"
#include "base/result.h"

namespace holdfast {

// Limits; absent: none. Windows are those of the calendar, in UTC.
struct Quota {
  struct Windows {
    std::optional<int64_t> minute, day, month;
  };
  Windows requests, tokens, reasoning_tokens;  // tokens: prompt and answer, thinking included
  std::optional<int64_t> concurrency;          // requests at once

  bool empty() const;
  void take_stricter(const Quota& other);  // of each limit, the smaller
  void take_given(const Quota& other);     // of each limit, the other's where it has one
};

// What somebody gets to see of what models think.
enum class ThinkingView {
  kHidden,   // nothing
  kCounted,  // how many tokens it took
  kShown,
};
// "hidden", "counted", "shown".
std::string_view thinking_view_name(ThinkingView view);
std::optional<ThinkingView> find_thinking_view(std::string_view name);

// What roles, tenants and users have in common.
struct Rules {
  std::optional<std::vector<std::string>> models;  // patterns with '*'; absent: all
  std::optional<ThinkingView> thinking;
  std::optional<int64_t> thinking_budget;  // tokens of thinking in one answer
  std::optional<Priority> priority;        // the highest class of requests
  Quota quota;
};

struct Role {
  std::vector<std::string> permissions;
  std::vector<std::string> inherits;
  Rules rules;
  std::string where;  // in the file
};

struct Tenant {
  Rules rules;         // its quota is shared by its members
  int64_t weight = 1;  // its part of a busy machine, beside the others'
  std::string where;
};

struct User {
  std::string tenant;  // may be empty
  std::vector<std::string> roles;
  Rules rules;
  std::vector<std::string> certificates;  // subjects, as RFC 2253 writes them
  std::string where;
};

// Somebody else vouches for users: JWTs of an issuer, checked with its public keys.
struct Issuer {
  std::string issuer, audience;
  std::string jwks_file;
  std::string user_claim = "sub", roles_claim, tenant_claim;
  std::vector<std::string> algorithms;
  std::string where;
};

// What one caller may do, all told.
struct Grants {
  struct Granted {
    std::string permission;
    std::string source;  // "role 'viewer', inherited by 'analyst' (access_control.yaml, line 3...)"
  };
  std::vector<Granted> permissions;
  // Each must match: the roles' lists together, the tenant's, the user's.
  std::vector<std::vector<std::string>> models;
  ThinkingView thinking = ThinkingView::kShown;
  std::optional<int64_t> thinking_budget;  // tokens of thinking in one answer; absent: no limit
  Priority priority = Priority::kNormal;   // the highest class that may be asked for
  Quota quota;                             // the caller's own

  const Granted* find(std::string_view permission) const;  // null: not granted
  bool may(std::string_view permission) const { return find(permission) != nullptr; }
  bool may_use_model(std::string_view id) const;
};

class AccessPolicy {
 public:
  // invalid_argument names line and column.
  static Result<AccessPolicy> parse(std::string_view text, const std::string& file);
  static Result<AccessPolicy> load(const std::string& path);
  // Without a file: the roles 'admin' (everything) and 'user' (model:read).
  static AccessPolicy standard();

  // What somebody of these roles and tenant may do; `user` adds what the file says of that user.
  // Roles and tenants that the file lacks grant nothing.
  Grants grants(const std::vector<std::string>& roles, const std::string& tenant,
                const std::string& user) const;
  const User* find_user_of_certificate(std::string_view subject, std::string& name) const;

  std::string file;
  std::map<std::string, Role, std::less<>> roles;
  std::map<std::string, Tenant, std::less<>> tenants;
  std::map<std::string, User, std::less<>> users;
  std::vector<Issuer> issuers;
  int approvals_minutes = 60;  // how long a second person's word holds
};

// '*' stands for any number of characters.
bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace holdfast
