// A decision with its reasons, for people.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "access/key_store.h"
#include "access/policy.h"

namespace holdfast {

struct Decision {
  bool allowed = false;
  std::vector<std::string> reasons;
};

// `who`: a user or a role of the policy, or anything when `key` is given. `model` may be empty.
// not_found for somebody unknown, invalid_argument for an unknown action.
Result<Decision> explain(const AccessPolicy& policy, const std::string& who,
                         const std::string& action, const std::string& model,
                         const std::optional<KeyInfo>& key, int64_t now);

}  // namespace holdfast
