// holdfast access: who may do what, and the keys that say who is who.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include "access/access_control.h"
#include "access/explain.h"
#include "access/permission.h"
#include "base/state_file.h"
#include "cli/access_file.h"
#include "cli/command.h"
#include "files/json_writer.h"

namespace holdfast::cli {
namespace {

struct Options {
  std::string policy_file, who, action, model;
  std::string id;
  KeyInfo key;
  std::string expires, overlap = "24h";
  int most = 50;
  bool json = false;
};

int64_t now_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// "90d", "12h", "30m"; 0 for an empty text.
Result<int64_t> parse_duration(const std::string& text, std::string_view option) {
  if (text.empty()) return 0;
  int64_t unit = 0;
  if (text.back() == 'd') unit = 86400;
  if (text.back() == 'h') unit = 3600;
  if (text.back() == 'm') unit = 60;
  const std::string digits = text.substr(0, text.size() - 1);
  if (unit == 0 || digits.empty() || digits.size() > 6 ||
      digits.find_first_not_of("0123456789") != std::string::npos) {
    return fail(Code::kInvalidArgument, fmt::format("'{}' is no length of time", text),
                std::string(option), "write 90d, 12h or 30m");
  }
  return std::stoll(digits) * unit;
}

std::string date(int64_t seconds) {
  return seconds == 0 ? "-" : fmt::format("{:%F %R}", fmt::gmtime(static_cast<time_t>(seconds)));
}

Result<AccessPolicy> load_policy(const std::string& named) {
  const std::string file = find_access_file(named);
  if (file.empty()) return AccessPolicy::standard();
  return AccessPolicy::load(file);
}

void write_key(JsonWriter& w, const KeyInfo& key) {
  const auto list = [&](std::string_view name, const std::vector<std::string>& words) {
    w.key(name).begin_array();
    for (const std::string& word : words) w.value(word);
    w.end_array();
  };
  w.field("id", key.id).field("owner", key.owner).field("tenant", key.tenant);
  list("roles", key.roles);
  list("scopes", key.scopes);
  w.field("note", key.note).field("created", key.created).field("expires", key.expires);
  w.field("revoked", key.revoked).field("last_used", key.last_used);
  w.field("replaced_by", key.replaced_by);
}

void show_new_key(const NewKey& made, bool json) {
  if (json) {
    JsonWriter w(2);
    w.begin_object().field("key", made.secret);
    write_key(w, made.info);
    w.end_object();
    std::printf("%s\n", w.text().c_str());
    return;
  }
  std::printf("%s\n", made.secret.c_str());
  std::fprintf(stderr, "This is the only time the key is shown. Its id is %s; it expires: %s\n",
               made.info.id.c_str(),
               made.info.expires == 0 ? "never" : date(made.info.expires).c_str());
}

// A key for somebody who may do nothing is a mistake; better to say so than to let it fail later.
Status check_key(const AccessPolicy& policy, const KeyInfo& key) {
  for (const std::string& scope : key.scopes) {
    if (is_permission(scope)) continue;
    return fail(Code::kInvalidArgument, fmt::format("there is no permission '{}'", scope),
                "--scope", "'holdfast access permissions' lists them");
  }
  for (const std::string& role : key.roles) {
    if (policy.roles.contains(role)) continue;
    return fail(Code::kInvalidArgument, fmt::format("there is no role '{}'", role), policy.file);
  }
  if (!key.tenant.empty() && !policy.tenants.contains(key.tenant)) {
    return fail(Code::kInvalidArgument, fmt::format("there is no tenant '{}'", key.tenant),
                policy.file);
  }
  if (!key.roles.empty() || policy.users.contains(key.owner)) return {};
  return fail(
      Code::kInvalidArgument,
      fmt::format("'{}' is no user of the policy, and the key has no roles of its own", key.owner),
      policy.file, "add --role");
}

Status create_key(Options options) {
  ASSIGN_OR_RETURN(const AccessPolicy policy, load_policy(options.policy_file));
  RETURN_IF_ERROR(check_key(policy, options.key));
  const int64_t now = now_seconds();
  ASSIGN_OR_RETURN(const int64_t life, parse_duration(options.expires, "--expires"));
  if (life > 0) options.key.expires = now + life;
  ASSIGN_OR_RETURN(const auto store, KeyStore::open(home_directory()));
  ASSIGN_OR_RETURN(const NewKey made, store->create(options.key, now));
  show_new_key(made, options.json);
  return {};
}

Status rotate_key(const Options& options) {
  ASSIGN_OR_RETURN(const int64_t overlap, parse_duration(options.overlap, "--overlap"));
  ASSIGN_OR_RETURN(const auto store, KeyStore::open(home_directory()));
  ASSIGN_OR_RETURN(const NewKey made, store->rotate(options.id, overlap, now_seconds()));
  show_new_key(made, options.json);
  return {};
}

Status revoke_key(const Options& options) {
  ASSIGN_OR_RETURN(const auto store, KeyStore::open(home_directory()));
  RETURN_IF_ERROR(store->revoke(options.id, now_seconds()));
  if (!options.json) std::printf("revoked %s\n", options.id.c_str());
  return {};
}

std::string state_of(const KeyInfo& key) {
  if (key.revoked != 0) return "revoked";
  if (key.expires != 0 && key.expires <= now_seconds()) return "expired";
  return key.replaced_by.empty() ? "good" : "replaced";
}

Status list_keys(const Options& options) {
  ASSIGN_OR_RETURN(const auto store, KeyStore::open(home_directory()));
  ASSIGN_OR_RETURN(const auto keys, store->list());
  if (options.json) {
    JsonWriter w(2);
    w.begin_object().key("keys").begin_array();
    for (const KeyInfo& key : keys) {
      w.begin_object();
      write_key(w, key);
      w.field("state", state_of(key)).end_object();
    }
    w.end_array().end_object();
    std::printf("%s\n", w.text().c_str());
    return {};
  }
  if (keys.empty()) std::printf("There are no keys yet: 'holdfast access key create' makes one.\n");
  for (const KeyInfo& key : keys) {
    std::printf("%s  %-8s  %-16s  %-16s  expires %s, last used %s  %s\n", key.id.c_str(),
                state_of(key).c_str(), key.owner.c_str(),
                key.roles.empty() ? "-" : fmt::format("{}", fmt::join(key.roles, ",")).c_str(),
                date(key.expires).c_str(), date(key.last_used).c_str(), key.note.c_str());
  }
  return {};
}

// The exit status says the decision, for scripts.
Result<int> check(const Options& options) {
  ASSIGN_OR_RETURN(const AccessPolicy policy, load_policy(options.policy_file));
  std::optional<KeyInfo> key;
  if (options.who.starts_with("key:")) {
    ASSIGN_OR_RETURN(const auto store, KeyStore::open(home_directory()));
    ASSIGN_OR_RETURN(key, store->find(options.who.substr(4)));
  }
  ASSIGN_OR_RETURN(const Decision decision,
                   explain(policy, options.who, options.action, options.model, key, now_seconds()));
  if (options.json) {
    JsonWriter w(2);
    w.begin_object().field("allowed", decision.allowed).field("who", options.who);
    w.field("action", options.action).key("reasons").begin_array();
    for (const std::string& reason : decision.reasons) w.value(reason);
    w.end_array().end_object();
    std::printf("%s\n", w.text().c_str());
  } else {
    std::printf("%s: %s %s %s\n", decision.allowed ? "yes" : "no", options.who.c_str(),
                decision.allowed ? "may" : "may not", options.action.c_str());
    for (const std::string& reason : decision.reasons) std::printf("  %s\n", reason.c_str());
  }
  return decision.allowed ? 0 : 1;
}

Status list_permissions(const Options& options) {
  JsonWriter w(2);
  w.begin_object().key("permissions").begin_array();
  for (const Permission& permission : all_permissions()) {
    if (!options.json) {
      std::printf("%-16s  %s\n", std::string(permission.name).c_str(),
                  std::string(permission.what).c_str());
    }
    w.begin_object().field("name", permission.name).field("what", permission.what).end_object();
  }
  w.end_array().end_object();
  if (options.json) std::printf("%s\n", w.text().c_str());
  return {};
}

Status list_failures(const Options& options) {
  RETURN_IF_ERROR(make_private_folder(home_directory()));
  ASSIGN_OR_RETURN(const auto failures, recorded_failures(home_directory(), options.most));
  JsonWriter w(2);
  w.begin_object().key("failures").begin_array();
  for (const RecordedFailure& failure : failures) {
    if (!options.json) {
      std::printf("%s  %-24s  %-24s  %s\n", date(failure.time).c_str(), failure.peer.c_str(),
                  failure.credential.c_str(), failure.reason.c_str());
    }
    w.begin_object().field("time", failure.time).field("peer", failure.peer);
    w.field("credential", failure.credential).field("reason", failure.reason).end_object();
  }
  w.end_array().end_object();
  if (options.json) std::printf("%s\n", w.text().c_str());
  return {};
}

template <class Run>
void on_chosen(CLI::App& command, Action& action, const std::shared_ptr<Options>& options,
               Run run) {
  command.callback([options, run, &action] {
    action = [options, run]() -> int {
      const auto outcome = run(*options);
      if (!outcome) return report(outcome.error());
      if constexpr (std::is_same_v<std::decay_t<decltype(outcome)>, Result<int>>) return *outcome;
      return 0;
    };
  });
}

}  // namespace

void register_access(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  auto* access = app.add_subcommand("access", "Who may do what, and the keys that say who is who");
  access->require_subcommand(1);
  const auto add = [&](CLI::App& parent, const char* name, const char* what) {
    CLI::App* command = parent.add_subcommand(name, what);
    command->add_flag("--json", o.json, "one JSON document on stdout");
    return command;
  };
  const auto add_policy = [&](CLI::App& command) {
    command.add_option("--access", o.policy_file,
                       "the policy; $HOLDFAST_HOME/access_control.yaml where it exists");
  };

  auto* checking = add(*access, "check", "Explain whether WHO may do ACTION; exit status 1 for no");
  checking->add_option("WHO", o.who, "a user, a role, or key:ID")->required();
  checking->add_option("ACTION", o.action, "a permission, such as model:read")->required();
  checking->add_option("--model", o.model, "and with this model");
  add_policy(*checking);
  on_chosen(*checking, action, options, check);

  on_chosen(*add(*access, "permissions", "List all permissions"), action, options,
            list_permissions);

  auto* failures = add(*access, "failures", "Show failed attempts to log in, newest first");
  failures->add_option("--most", o.most, "how many")->capture_default_str();
  on_chosen(*failures, action, options, list_failures);

  auto* key = access->add_subcommand("key", "API keys");
  key->require_subcommand(1);
  auto* create = add(*key, "create", "Make a key, and show it this once");
  create->add_option("OWNER", o.key.owner, "a user of the policy, or a service's name")->required();
  create->add_option("--role", o.key.roles, "roles of its own, instead of the user's");
  create->add_option("--tenant", o.key.tenant, "likewise");
  create->add_option("--scope", o.key.scopes, "permissions that it is limited to");
  create->add_option("--expires", o.expires, "such as 90d or 12h; never by default");
  create->add_option("--note", o.key.note, "for people");
  add_policy(*create);
  on_chosen(*create, action, options, create_key);
  on_chosen(*add(*key, "list", "Show all keys, without their secrets"), action, options, list_keys);
  auto* revoke = add(*key, "revoke", "End a key now");
  revoke->add_option("ID", o.id)->required();
  on_chosen(*revoke, action, options, revoke_key);
  auto* rotate = add(*key, "rotate", "Make a key in the place of an old one");
  rotate->add_option("ID", o.id)->required();
  rotate->add_option("--overlap", o.overlap, "how long the old one stays good")
      ->capture_default_str();
  on_chosen(*rotate, action, options, rotate_key);
}

}  // namespace holdfast::cli
