#include "access/caller.h"

#include <algorithm>

#include "access/permission.h"

namespace holdfast {

bool Caller::may(std::string_view permission) const {
  const bool in_scope =
      scopes.empty() || std::any_of(scopes.begin(), scopes.end(), [&](const std::string& scope) {
        return covers(scope, permission);
      });
  return in_scope && grants.may(permission);
}

std::string Caller::cache_salt() const {
  return tenant.empty() ? "user/" + name : "tenant/" + tenant;
}

Caller Caller::local() {
  Caller caller;
  caller.name = "local";
  caller.roles = {"admin"};
  caller.credential = "local";
  caller.grants.permissions.push_back({"*", "plain HTTP for this machine, without a policy"});
  caller.grants.priority = Priority::kHigh;
  return caller;
}

}  // namespace holdfast
