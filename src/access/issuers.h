// Who else may say who somebody is: the issuers of a policy, with their keys at hand.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "access/jwt.h"
#include "access/policy.h"

namespace holdfast {

// What a token says of its bearer, checked.
struct Vouched {
  std::string issuer, user, tenant;
  std::vector<std::string> roles;
};

// Thread-safe.
class Issuers {
 public:
  // Signature, issuer, audience and time. Clocks may differ by a minute. unauthenticated says why.
  Result<Vouched> check(const std::vector<Issuer>& issuers, std::string_view token, int64_t now);
  // Whether every issuer's keys can be read.
  Status check_keys(const std::vector<Issuer>& issuers);

 private:
  struct Cached {
    std::shared_ptr<const std::vector<JwtKey>> keys;
    int64_t modified = 0;  // of the file, in nanoseconds
    uint64_t size = 0;
  };
  // From memory; from the file when that has changed.
  Result<std::shared_ptr<const std::vector<JwtKey>>> keys_of(const Issuer& issuer);

  std::mutex mutex_;
  std::map<std::string, Cached> cache_;  // by file
};

}  // namespace holdfast
