// Somebody whom we know, and what they may do.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "access/policy.h"

namespace holdfast {

struct Caller {
  std::string name;
  std::string tenant;  // may be empty
  std::vector<std::string> roles;
  std::string credential;           // how we know: "key 0123456789abcdef", "certificate", "local"
  std::vector<std::string> scopes;  // further limits of this credential; empty: none
  Grants grants;
  Quota tenant_quota;         // shared with the tenant's others
  int64_t tenant_weight = 1;  // of whoever shares the caller's part of the machine

  bool may(std::string_view permission) const;
  bool may_use_model(std::string_view id) const { return grants.may_use_model(id); }

  // Whose requests these are, for caches and fair shares: the tenant's, or the caller's own.
  // Requests share cached prefixes within that only.
  std::string cache_salt() const;

  // The one user of a server that only this machine reaches and that has no policy.
  static Caller local();
};

}  // namespace holdfast
