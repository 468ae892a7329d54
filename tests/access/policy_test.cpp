#include "access/policy.h"

#include <gtest/gtest.h>

#include "access/explain.h"
#include "access/permission.h"

namespace holdfast {
namespace {

AccessPolicy parse(std::string_view text) {
  auto policy = AccessPolicy::parse(text, "access_control.yaml");
  EXPECT_TRUE(policy) << to_string(policy.error());
  return policy ? *policy : AccessPolicy();
}

std::string refuse(std::string_view text) {
  const auto policy = AccessPolicy::parse(text, "a.yaml");
  return policy ? "taken" : to_string(policy.error());
}

TEST(Policy, TakesTheFormOfTheBook) {
  for (const char* text : {
           "roles:\n  data_scientist:\n    permissions: [model:read, model:fine_tune]\n"
           "  auditor:\n    permissions: [log:view]\n",
           "roles:\n  data_scientist:\n    permissions: [model:read, model:fine_tune]\n"
           "  auditor: [log:view]\n",
           "roles:\n- name: data_scientist\n  permissions:\n  - model:read\n  - model:fine_tune\n"
           "- name: auditor\n  permissions:\n    - log:view\n",
           "roles: {data_scientist: {permissions: ['model:read', \"model:fine_tune\"]}, "
           "auditor: {permissions: [log:view]}}",
       }) {
    const AccessPolicy policy = parse(text);
    const Grants scientist = policy.grants({"data_scientist"}, "", "anna");
    const Grants auditor = policy.grants({"auditor"}, "", "otto");
    EXPECT_TRUE(scientist.may("model:read"));
    EXPECT_TRUE(scientist.may("model:list"));
    EXPECT_TRUE(scientist.may("model:fine_tune"));
    EXPECT_FALSE(scientist.may("log:view"));
    EXPECT_TRUE(scientist.may_use_model("anything"));
    EXPECT_TRUE(auditor.may("log:view"));
    EXPECT_FALSE(auditor.may("log:export"));
    EXPECT_FALSE(auditor.may("model:read"));
    EXPECT_FALSE(auditor.may("model:list"));
  }
}

TEST(Policy, DeniesByDefault) {
  const AccessPolicy policy = parse("roles: {a: [model:read]}");
  EXPECT_FALSE(policy.grants({}, "", "").may("model:read"));
  EXPECT_FALSE(policy.grants({"other"}, "", "").may("model:read"));
  EXPECT_FALSE(policy.grants({"a"}, "elsewhere", "").may("model:read"));
  EXPECT_FALSE(policy.grants({"a"}, "", "").may(""));
  EXPECT_FALSE(policy.grants({"a"}, "", "").may("public"));
  EXPECT_FALSE(AccessPolicy::standard().grants({"admin"}, "", "").may(""));
  EXPECT_FALSE(parse("").grants({"admin"}, "", "").may("model:read"));
}

TEST(Policy, WildcardsAndImplications) {
  EXPECT_TRUE(covers("*", "seal:open"));
  EXPECT_TRUE(covers("log:*", "log:view"));
  EXPECT_FALSE(covers("log:*", "model:read"));
  EXPECT_TRUE(covers("model:read", "model:list"));
  EXPECT_FALSE(covers("model:list", "model:read"));
  EXPECT_FALSE(covers("model:read", "model:*"));
  EXPECT_FALSE(covers("*", "*"));
  EXPECT_TRUE(is_permission("log:*"));
  EXPECT_FALSE(is_permission("log*"));
  EXPECT_FALSE(is_permission("dog:*"));
}

TEST(Policy, TheStricterWordOnThinkingHolds) {
  const AccessPolicy policy = parse(R"(
roles:
  wide: {permissions: [model:read], thinking_budget: 5000}
  narrow: {permissions: [model:read], thinking: counted, thinking_budget: 200}
  heir: {inherits: [narrow], thinking_budget: 300}
tenants:
  acme: {thinking_budget: 1000}
users:
  ada: {tenant: acme, roles: [wide], thinking: hidden}
)");
  const Grants both = policy.grants({"wide", "narrow"}, "", "");
  EXPECT_EQ(both.thinking, ThinkingView::kCounted);
  EXPECT_EQ(both.thinking_budget, 200);
  EXPECT_EQ(policy.grants({"wide"}, "", "").thinking, ThinkingView::kShown);
  EXPECT_EQ(policy.grants({"heir"}, "", "").thinking_budget, 300);
  EXPECT_EQ(policy.grants({"heir"}, "", "").thinking, ThinkingView::kCounted);
  const Grants ada = policy.grants({"wide"}, "acme", "ada");
  EXPECT_EQ(ada.thinking, ThinkingView::kHidden);
  EXPECT_EQ(ada.thinking_budget, 1000);
  EXPECT_FALSE(policy.grants({"auditor"}, "", "").thinking_budget.has_value());
}

TEST(Policy, InheritsAndOverrides) {
  const AccessPolicy policy = parse(R"(
roles:
  viewer:
    permissions: [model:read]
    models: [r1-*]
    thinking: hidden
    quotas: {requests: {per_minute: 10, per_day: 100}}
  analyst:
    inherits: [viewer]
    permissions: [model:fine_tune]
    thinking: shown
    quotas: {requests: {per_minute: 60}}
  auditor: [log:view]
)");
  const Grants analyst = policy.grants({"analyst"}, "", "");
  EXPECT_TRUE(analyst.may("model:read"));
  EXPECT_TRUE(analyst.may("model:fine_tune"));
  EXPECT_TRUE(analyst.may_use_model("r1-7b"));
  EXPECT_FALSE(analyst.may_use_model("v3"));
  EXPECT_EQ(analyst.thinking, ThinkingView::kShown);
  EXPECT_EQ(analyst.quota.requests.minute, 60);
  EXPECT_EQ(analyst.quota.requests.day, 100);
  // A role without models does not lift another's list.
  EXPECT_FALSE(policy.grants({"viewer", "auditor"}, "", "").may_use_model("v3"));
  EXPECT_EQ(policy.grants({"viewer", "analyst"}, "", "").thinking, ThinkingView::kHidden);
  EXPECT_EQ(policy.grants({"viewer", "analyst"}, "", "").quota.requests.minute, 10);
}

TEST(Policy, TenantsAndUsersNarrow) {
  const AccessPolicy policy = parse(R"(
roles: {all: [model:read]}
tenants:
  heart: {models: [r1-*], quotas: {tokens: {per_day: 1_000}}}
users:
  anna: {tenant: heart, roles: [all], models: ['*-7b'], certificates: ['CN=anna,O=Clinic']}
)");
  const Grants anna = policy.grants({"all"}, "heart", "anna");
  EXPECT_TRUE(anna.may_use_model("r1-7b"));
  EXPECT_FALSE(anna.may_use_model("r1-1.5b"));
  EXPECT_FALSE(anna.may_use_model("v3-7b"));
  EXPECT_EQ(policy.tenants.at("heart").rules.quota.tokens.day, 1000);
  std::string name;
  ASSERT_NE(policy.find_user_of_certificate("CN=anna,O=Clinic", name), nullptr);
  EXPECT_EQ(name, "anna");
  EXPECT_EQ(policy.find_user_of_certificate("CN=anna", name), nullptr);
  // An empty list is a list.
  EXPECT_FALSE(parse("roles: {a: {permissions: [model:read], models: []}}")
                   .grants({"a"}, "", "")
                   .may_use_model("x"));
}

TEST(Policy, PrioritiesAndWeights) {
  const AccessPolicy policy = parse(R"(
roles:
  plain: [model:read]
  batch: {permissions: [model:read], priority: low}
  urgent: {permissions: [model:read], priority: high}
  nights: {inherits: [urgent], priority: low}
  heir: {inherits: [urgent]}
tenants:
  small: {priority: normal}
  large: {weight: 7}
users:
  anna: {roles: [urgent], priority: normal}
)");
  const auto most = [&](const std::vector<std::string>& roles, const std::string& tenant = "",
                        const std::string& user = "") {
    return policy.grants(roles, tenant, user).priority;
  };
  EXPECT_EQ(most({"plain"}), Priority::kNormal);
  EXPECT_EQ(most({"batch"}), Priority::kLow);
  EXPECT_EQ(most({"batch", "plain"}), Priority::kNormal);
  EXPECT_EQ(most({"batch", "urgent"}), Priority::kHigh);
  EXPECT_EQ(most({"nights"}), Priority::kLow);
  EXPECT_EQ(most({"heir"}), Priority::kHigh);
  EXPECT_EQ(most({"urgent"}, "small"), Priority::kNormal);
  EXPECT_EQ(most({"batch"}, "small"), Priority::kLow);
  EXPECT_EQ(most({"urgent"}, "large"), Priority::kHigh);
  EXPECT_EQ(most({"urgent"}, "", "anna"), Priority::kNormal);
  EXPECT_EQ(policy.tenants.at("small").weight, 1);
  EXPECT_EQ(policy.tenants.at("large").weight, 7);
  EXPECT_NE(refuse("roles: {a: {priority: urgent}}").find("low, normal or high"),
            std::string::npos);
  EXPECT_NE(refuse("tenants: {a: {weight: 0}}").find("line 1"), std::string::npos);
}

TEST(Policy, ErrorsNameLineAndColumn) {
  const std::pair<const char*, const char*> cases[] = {
      {"roles:\n  a:\n    permissions: [model:raed]\n",
       "there is no permission 'model:raed' (a.yaml, line 3, column 19). did you mean "
       "'model:read'?"},
      {"rolls:\n  a: [model:read]\n",
       "access_control.yaml has no key 'rolls' (a.yaml, line 1, column 1). did you mean 'roles'?"},
      {"roles:\n  a:\n    permission: [model:read]\n",
       "a role has no key 'permission' (a.yaml, line 3, column 5). did you mean 'permissions'?"},
      {"roles:\n  a: [model:read]\n  a: [log:view]\n",
       "'a' stands here twice, first in line 2 (a.yaml, line 3, column 3)"},
      {"roles:\n  a: {inherits: [b]}\n", "there is no role 'b' (a.yaml, line 2, column 18)"},
      {"roles:\n  a: {inherits: [b]}\n  b: {inherits: [a]}\n",
       "role 'b' inherits from itself, or 16 deep (a.yaml, line 2, column 18)"},
      {"roles:\n  a:\n    models:\n", "'models' has no value (a.yaml, line 3, column 5)"},
      {"roles:\n  a:\n    thinking: maybe\n",
       "'thinking' is shown, counted or hidden (a.yaml, line 3, column 15)"},
      {"roles:\n  a:\n    quotas: {requests: {per_minute: -1}}\n",
       "'per_minute' is a whole number"},
      {"users:\n  anna: {tenant: heart}\n",
       "there is no tenant 'heart' (a.yaml, line 2, column 18)"},
      {"roles: &x {a: [model:read]}\n", "anchors and aliases are not taken here"},
      {"roles: !!map {}\n", "tags are not taken here"},
      {"roles: [\n", "(a.yaml, line 2, column 1)"},
      {"a: 1\n---\nb: 2\n", "more than one document"},
      {"roles: 7\n", "here stands a map from names (a.yaml, line 1, column 8)"},
      {"issuers:\n- issuer: https://id\n", "an issuer needs 'audience' (a.yaml, line 2, column 3)"},
      {"issuers: [{issuer: a, audience: b, jwks_file: c, algorithms: [HS256]}]",
       "'HS256' is not taken"},
  };
  for (const auto& [text, message] : cases) {
    const std::string said = refuse(text);
    EXPECT_NE(said.find(message), std::string::npos) << text << "\n" << said;
  }
  EXPECT_NE(refuse(std::string(100, '[')).find("nested too deeply"), std::string::npos);
}

TEST(Policy, ExplainsItself) {
  const AccessPolicy policy = parse(R"(roles:
  viewer: [model:read]
  analyst: {inherits: [viewer]}
users:
  anna: {roles: [analyst]}
)");
  auto decision = explain(policy, "anna", "model:read", "", {}, 0);
  ASSERT_TRUE(decision);
  EXPECT_TRUE(decision->allowed);
  std::string all;
  for (const auto& reason : decision->reasons) all += reason + "\n";
  EXPECT_NE(all.find("role 'viewer' (access_control.yaml, line 2, column 3), inherited by "
                     "'analyst' grants model:read"),
            std::string::npos)
      << all;
  EXPECT_FALSE(explain(policy, "viewer", "log:view", "", {}, 0)->allowed);
  EXPECT_FALSE(explain(policy, "nobody", "log:view", "", {}, 0));
  EXPECT_FALSE(explain(policy, "anna", "model:raed", "", {}, 0));
  KeyInfo key;
  key.owner = "anna";
  key.scopes = {"model:list"};
  EXPECT_FALSE(explain(policy, "key:x", "model:read", "", key, 0)->allowed);
  EXPECT_TRUE(explain(policy, "key:x", "model:list", "", key, 0)->allowed);
  key.expires = 5;
  EXPECT_FALSE(explain(policy, "key:x", "model:list", "", key, 6)->allowed);
}

TEST(Policy, Patterns) {
  EXPECT_TRUE(matches_pattern("r1-*", "r1-"));
  EXPECT_TRUE(matches_pattern("*", ""));
  EXPECT_TRUE(matches_pattern("a*b*c", "a--b--bc"));
  EXPECT_FALSE(matches_pattern("a*b", "abc"));
  EXPECT_FALSE(matches_pattern("", "a"));
  // No blow-up.
  std::string stars;
  for (int i = 0; i < 100; ++i) stars += "*a";
  EXPECT_FALSE(matches_pattern(stars + "b", std::string(5000, 'a')));
}

}  // namespace
}  // namespace holdfast
