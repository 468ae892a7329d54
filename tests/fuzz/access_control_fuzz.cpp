// access_control.yaml: whatever its bytes, it is refused with a place, or answers questions.
#include <cstdint>
#include <string_view>

#include "access/explain.h"
#include "access/policy.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto policy = AccessPolicy::parse(text, "access_control.yaml");
  if (!policy) {
    CHECK(policy.error().where.starts_with("access_control.yaml"));
    return 0;
  }
  for (const auto& [name, role] : policy->roles) {
    const auto decision = explain(*policy, name, "model:read", "some-model", {}, 0);
    CHECK(decision.has_value());
    CHECK(!decision->allowed || policy->grants({name}, "", name).may("model:read"));
  }
  for (const auto& [name, user] : policy->users) policy->grants(user.roles, user.tenant, name);
  return 0;
}
