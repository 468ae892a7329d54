// Reads access_control.yaml:
//
//   roles:
//     data_scientist:
//       permissions: [model:read, model:fine_tune]
//       inherits: [...]  models: [...]  thinking: shown|counted|hidden
//       thinking_budget: 2000  priority: low|normal|high  quotas: {...}
//     auditor: [log:view]            # short for permissions alone
//   tenants: {NAME: {weight, models, thinking, thinking_budget, priority, quotas}}
//   users:   {NAME: {tenant, roles, certificates, and what a tenant may have but weight}}
//   issuers: [{issuer, audience, jwks_file, algorithms, user_claim, ...}]
//   approvals: {minutes: 60}
#include <filesystem>
#include <functional>
#include <set>

#include <fmt/format.h>

#include "access/permission.h"
#include "access/policy.h"
#include "base/state_file.h"
#include "base/yaml.h"

namespace holdfast {

namespace {

constexpr int64_t kMost = int64_t{1} << 53;

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 &&
         name.find_first_of(std::string_view("\0\n\r\t ", 5)) == std::string_view::npos;
}

class PolicyReader {
 public:
  PolicyReader(const std::string& file) : errors_(file) { policy_.file = file; }

  Result<AccessPolicy> read(const YamlNode& root) {
    YamlMap map(root, errors_, "access_control.yaml");
    if (const YamlNode* node = map.find("roles"))
      each(*node, "a role", [&](auto& n, auto& v) { read_role(n, v); });
    if (const YamlNode* node = map.find("tenants"))
      each(*node, "a tenant", [&](auto& n, auto& v) { read_tenant(n, v); });
    if (const YamlNode* node = map.find("users"))
      each(*node, "a user", [&](auto& n, auto& v) { read_user(n, v); });
    if (const YamlNode* node = map.find("issuers")) read_issuers(*node);
    if (const YamlNode* node = map.find("approvals")) {
      YamlMap approvals(*node, errors_, "approvals");
      policy_.approvals_minutes =
          static_cast<int>(approvals.integer("minutes", 1, 1440).value_or(60));
      approvals.end();
    }
    map.end();
    check_references();
    RETURN_IF_ERROR(errors_.status());
    return std::move(policy_);
  }

 private:
  using Each = std::function<void(const YamlNode& name, const YamlNode& value)>;

  // A map from names, or a list of maps with a `name` each.
  void each(const YamlNode& node, std::string_view what, const Each& take) {
    std::set<std::string> seen;
    const auto once = [&](const YamlNode& name, const YamlNode& value) {
      if (!is_name(name.scalar)) {
        errors_.fail(name, "a name is one word of at most 128 bytes");
      } else if (!seen.insert(name.scalar).second) {
        errors_.fail(name, fmt::format("'{}' stands here twice", name.scalar));
      } else {
        take(name, value);
      }
    };
    if (node.kind == YamlNode::Kind::kMap) {
      for (const auto& [name, value] : node.entries) once(name, value);
    } else if (node.kind == YamlNode::Kind::kList) {
      for (const YamlNode& item : node.items) {
        const YamlNode* name = nullptr;
        for (const auto& [key, value] : item.entries) {
          if (key.scalar == "name" && value.kind == YamlNode::Kind::kScalar) name = &value;
        }
        if (name == nullptr) {
          errors_.fail(item, fmt::format("{} in a list needs a name", what), "add 'name: ...'");
          return;
        }
        once(*name, item);
      }
    } else {
      errors_.fail(node, "here stands a map from names");
    }
  }

  void read_role(const YamlNode& name, const YamlNode& value) {
    Role& role = policy_.roles[name.scalar];
    role.where = errors_.where(name);
    if (value.kind == YamlNode::Kind::kList) return read_permissions(value, role);
    YamlMap map(value, errors_, "a role");
    map.find("name");
    if (const YamlNode* node = map.find("permissions")) read_permissions(*node, role);
    if (const YamlNode* node = map.find("inherits")) {
      for (const YamlNode* parent : yaml_scalars(*node, errors_, "'inherits'")) {
        role.inherits.push_back(parent->scalar);
        role_references_.push_back(parent);
      }
    }
    read_rules(map, role.rules);
    map.end();
  }

  void read_permissions(const YamlNode& node, Role& role) {
    for (const YamlNode* item : yaml_scalars(node, errors_, "'permissions'")) {
      if (!is_permission(item->scalar)) {
        const std::string near = nearest_permission(item->scalar);
        errors_.fail(*item, fmt::format("there is no permission '{}'", item->scalar),
                     near.empty() ? "'holdfast access permissions' lists them"
                                  : fmt::format("did you mean '{}'?", near));
        return;
      }
      role.permissions.push_back(item->scalar);
    }
  }

  void read_tenant(const YamlNode& name, const YamlNode& value) {
    Tenant& tenant = policy_.tenants[name.scalar];
    tenant.where = errors_.where(name);
    YamlMap map(value, errors_, "a tenant");
    map.find("name");
    tenant.weight = map.integer("weight", 1, 1000).value_or(1);
    read_rules(map, tenant.rules);
    map.end();
  }

  void read_user(const YamlNode& name, const YamlNode& value) {
    User& user = policy_.users[name.scalar];
    user.where = errors_.where(name);
    YamlMap map(value, errors_, "a user");
    map.find("name");
    if (const YamlNode* node = map.find("tenant")) {
      user.tenant = map.string("tenant").value_or("");
      tenant_references_.push_back(node);
    }
    if (const YamlNode* node = map.find("roles")) {
      for (const YamlNode* role : yaml_scalars(*node, errors_, "'roles'")) {
        user.roles.push_back(role->scalar);
        role_references_.push_back(role);
      }
    }
    if (const YamlNode* node = map.find("certificates")) {
      for (const YamlNode* subject : yaml_scalars(*node, errors_, "'certificates'")) {
        if (!subjects_.insert(subject->scalar).second || subject->scalar.empty()) {
          errors_.fail(*subject, "a certificate's subject belongs to one user");
        }
        user.certificates.push_back(subject->scalar);
      }
    }
    read_rules(map, user.rules);
    map.end();
  }

  void read_rules(YamlMap& map, Rules& rules) {
    rules.models = map.strings("models");
    const YamlNode* thinking = map.find("thinking");
    if (const auto text = map.string("thinking")) {
      rules.thinking = find_thinking_view(*text);
      if (!rules.thinking) errors_.fail(*thinking, "'thinking' is shown, counted or hidden");
    }
    rules.thinking_budget = map.integer("thinking_budget", 0, kMost);
    const YamlNode* priority = map.find("priority");
    if (const auto text = map.string("priority")) {
      rules.priority = find_priority(*text);
      if (!rules.priority) errors_.fail(*priority, "'priority' is low, normal or high");
    }
    const YamlNode* node = map.find("quotas");
    if (node == nullptr) return;
    YamlMap quotas(*node, errors_, "'quotas'");
    read_windows(quotas, "requests", rules.quota.requests);
    read_windows(quotas, "tokens", rules.quota.tokens);
    read_windows(quotas, "reasoning_tokens", rules.quota.reasoning_tokens);
    rules.quota.concurrency = quotas.integer("concurrency", 0, 1'000'000);
    quotas.end();
  }

  void read_windows(YamlMap& quotas, std::string_view name, Quota::Windows& windows) {
    const YamlNode* node = quotas.find(name);
    if (node == nullptr) return;
    YamlMap map(*node, errors_, fmt::format("'{}'", name));
    windows.minute = map.integer("per_minute", 0, kMost);
    windows.day = map.integer("per_day", 0, kMost);
    windows.month = map.integer("per_month", 0, kMost);
    map.end();
  }

  void read_issuers(const YamlNode& node) {
    if (node.kind != YamlNode::Kind::kList) return errors_.fail(node, "'issuers' is a list");
    for (const YamlNode& item : node.items) read_issuer(item);
  }

  void read_issuer(const YamlNode& node) {
    Issuer issuer;
    issuer.where = errors_.where(node);
    YamlMap map(node, errors_, "an issuer");
    const auto required = [&](std::string_view key) {
      auto text = map.string(key);
      if (!text || text->empty()) errors_.fail(node, fmt::format("an issuer needs '{}'", key));
      return text.value_or("");
    };
    issuer.issuer = required("issuer");
    issuer.audience = required("audience");
    // Where it is relative, it lies beside the policy.
    issuer.jwks_file =
        (std::filesystem::path(policy_.file).parent_path() / required("jwks_file")).string();
    issuer.user_claim = map.string("user_claim").value_or("sub");
    issuer.roles_claim = map.string("roles_claim").value_or("");
    issuer.tenant_claim = map.string("tenant_claim").value_or("");
    issuer.algorithms = {"RS256", "ES256", "EdDSA"};
    if (const YamlNode* algorithms = map.find("algorithms")) {
      issuer.algorithms.clear();
      for (const YamlNode* name : yaml_scalars(*algorithms, errors_, "'algorithms'")) {
        if (name->scalar != "RS256" && name->scalar != "ES256" && name->scalar != "EdDSA") {
          errors_.fail(*name, fmt::format("'{}' is not taken", name->scalar),
                       "there are RS256, ES256 and EdDSA");
        }
        issuer.algorithms.push_back(name->scalar);
      }
    }
    map.end();
    for (const Issuer& other : policy_.issuers) {
      if (other.issuer == issuer.issuer) errors_.fail(node, "this issuer stands here twice");
    }
    policy_.issuers.push_back(std::move(issuer));
  }

  void check_references() {
    for (const YamlNode* node : role_references_) {
      if (!policy_.roles.contains(node->scalar)) {
        std::vector<std::string_view> names;
        for (const auto& [name, role] : policy_.roles) names.push_back(name);
        const std::string near = nearest_word(node->scalar, names);
        errors_.fail(*node, fmt::format("there is no role '{}'", node->scalar),
                     near.empty() ? "" : fmt::format("did you mean '{}'?", near));
      }
    }
    for (const YamlNode* node : tenant_references_) {
      if (!policy_.tenants.contains(node->scalar)) {
        errors_.fail(*node, fmt::format("there is no tenant '{}'", node->scalar));
      }
    }
    std::set<std::string> done;
    for (const YamlNode* node : role_references_) check_circle(*node, node->scalar, {}, done);
  }

  void check_circle(const YamlNode& at, const std::string& name, std::vector<std::string> path,
                    std::set<std::string>& done) {
    if (!errors_.ok() || done.contains(name)) return;
    if (std::find(path.begin(), path.end(), name) != path.end() || path.size() >= 16) {
      return errors_.fail(at, fmt::format("role '{}' inherits from itself, or 16 deep", name));
    }
    path.push_back(name);
    for (const std::string& parent : policy_.roles[name].inherits) {
      check_circle(at, parent, path, done);
    }
    done.insert(name);
  }

  YamlErrors errors_;
  AccessPolicy policy_;
  std::vector<const YamlNode*> role_references_, tenant_references_;
  std::set<std::string> subjects_;
};

}  // namespace

Result<AccessPolicy> AccessPolicy::parse(std::string_view text, const std::string& file) {
  ASSIGN_OR_RETURN(const YamlNode root, parse_yaml(text, file));
  return PolicyReader(file).read(root);
}

Result<AccessPolicy> AccessPolicy::load(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, read_small_file(path));
  return parse(text, path);
}

}  // namespace holdfast
