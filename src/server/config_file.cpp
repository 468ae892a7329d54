#include "server/config_file.h"

#include "base/yaml.h"

namespace holdfast {

namespace {

struct Key {
  std::string_view name, option;
};
struct Section {
  std::string_view name;
  std::vector<Key> keys;
};

const std::vector<Section>& sections() {
  static const std::vector<Section> kSections = {
      {"server",
       {{"host", "--host"},
        {"port", "--port"},
        {"unix", "--unix"},
        {"insecure_loopback", "--insecure-loopback"},
        {"max_connections", "--max-connections"},
        {"max_body", "--max-body"},
        {"cors_origins", "--cors-origin"},
        {"request_timeout", "--request-timeout"},
        {"io_threads", "--io-threads"},
        {"reasoning_field", "--reasoning-field"},
        {"batch_lines", "--batch-lines"},
        {"grace", "--grace"}}},
      {"tls",
       {{"cert", "--tls-cert"},
        {"key", "--tls-key"},
        {"names", "--tls-name"},
        {"client_ca", "--client-ca"},
        {"client_auth", "--client-auth"}}},
      {"access", {{"file", "--access"}}},
      {"audit",
       {{"folder", "--audit"},
        {"keys", "--audit-keys"},
        {"payload", "--audit-payload"},
        {"syslog", "--audit-syslog"},
        {"open_routes", "--audit-open"},
        {"sync_ms", "--audit-sync"},
        {"segment", "--audit-segment"},
        {"cold", "--audit-cold"},
        {"keep_days", "--audit-keep"}}},
      {"sandbox",
       {{"mode", "--sandbox"}, {"read", "--sandbox-read"}, {"write", "--sandbox-write"}}},
      {"engine",
       {{"threads", "--threads"},
        {"context", "--context"},
        {"parallel", "--parallel"},
        {"step_ms", "--step-ms"},
        {"max_waiting", "--max-waiting"},
        {"max_waiting_tokens", "--max-waiting-tokens"},
        {"shared_prompts", "--shared-prompt"},
        {"kv_type", "--kv-type"},
        {"kv_memory", "--kv-memory"},
        {"speculate", "--speculate"},
        {"speculate_tokens", "--speculate-tokens"}}},
      {"embeddings", {{"models", "--embed"}, {"pooling", "--pooling"}}},
  };
  return kSections;
}

// `- MODEL` or `- {path: MODEL, alias: NAME}`: names are given to all or to none.
void read_models(const YamlNode& node, YamlErrors& errors, std::vector<Setting>& out) {
  Setting paths{"MODEL", {}, errors.where(node)}, aliases{"--alias", {}, errors.where(node)};
  if (node.kind != YamlNode::Kind::kList) return errors.fail(node, "'models' is a list");
  for (const YamlNode& item : node.items) {
    if (item.kind == YamlNode::Kind::kScalar) {
      paths.values.push_back(item.scalar);
      continue;
    }
    YamlMap map(item, errors, "a model");
    const auto path = map.string("path");
    const auto alias = map.string("alias");
    map.end();
    if (!path) errors.fail(item, "a model needs a 'path'");
    paths.values.push_back(path.value_or(""));
    if (alias) aliases.values.push_back(*alias);
  }
  if (!aliases.values.empty() && aliases.values.size() != paths.values.size()) {
    errors.fail(node, "either all models have an 'alias' or none");
  }
  if (!paths.values.empty()) out.push_back(std::move(paths));
  if (!aliases.values.empty()) out.push_back(std::move(aliases));
}

}  // namespace

Result<std::vector<Setting>> parse_config(std::string_view text, const std::string& file) {
  ASSIGN_OR_RETURN(const YamlNode root, parse_yaml(text, file));
  YamlErrors errors(file);
  std::vector<Setting> out;
  YamlMap top(root, errors, "holdfast.yaml");
  if (const YamlNode* models = top.find("models")) read_models(*models, errors, out);
  for (const Section& section : sections()) {
    const YamlNode* node = top.find(section.name);
    if (node == nullptr) continue;
    YamlMap map(*node, errors, "'" + std::string(section.name) + "'");
    for (const Key& key : section.keys) {
      const YamlNode* value = map.find(key.name);
      if (value == nullptr) continue;
      Setting setting{std::string(key.option), {}, errors.where(*value)};
      for (const YamlNode* item : yaml_scalars(*value, errors, "'" + std::string(key.name) + "'")) {
        setting.values.push_back(item->scalar);
      }
      if (!setting.values.empty()) out.push_back(std::move(setting));
    }
    map.end();
  }
  top.end();
  RETURN_IF_ERROR(errors.status());
  return out;
}

}  // namespace holdfast
