#include "access/permission.h"

#include <algorithm>
#include <vector>

#include "base/yaml.h"

namespace holdfast {

namespace {

constexpr Permission kPermissions[] = {
    {"model:list", "see which models there are"},
    {"model:read", "use models: ask them, and see which there are"},
    {"model:fine_tune", "start fine-tuning, distillation and evaluation"},
    {"model:manage", "load, swap and remove models and adapters"},
    {"data:read", "read stored files and collections"},
    {"data:write", "store and remove files and collections"},
    {"log:view", "read the audit log"},
    {"log:export", "take the audit log, or a part of it, elsewhere"},
    {"server:view", "see the server's state"},
    {"metrics:read", "read the server's metrics, those of all tenants"},
    {"access:view", "see keys and who may do what"},
    {"access:manage", "make, rotate and revoke keys; unlock"},
    {"access:approve", "be the second person for what needs two"},
    {"seal:open", "open sealed files"},
    {"seal:rotate", "rotate the keys of sealed files"},
    {"guard:disable", "switch off a filter"},
    {"break_glass", "act alone where two are needed, on record"},
};

std::string_view kind_of(std::string_view name) { return name.substr(0, name.find(':')); }

}  // namespace

std::span<const Permission> all_permissions() { return kPermissions; }

bool is_permission(std::string_view name) {
  if (name == "*") return true;
  return std::any_of(
      std::begin(kPermissions), std::end(kPermissions), [&](const Permission& known) {
        return known.name == name ||
               (name.ends_with(":*") && known.name.find(':') != std::string_view::npos &&
                kind_of(known.name) == kind_of(name));
      });
}

std::string nearest_permission(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Permission& known : kPermissions) names.push_back(known.name);
  return nearest_word(name, names);
}

bool covers(std::string_view granted, std::string_view wanted) {
  if (wanted.empty() || wanted.ends_with("*")) return false;
  if (granted == "*" || granted == wanted) return true;
  if (granted.ends_with(":*")) return kind_of(granted) == kind_of(wanted);
  return granted == "model:read" && wanted == "model:list";
}

}  // namespace holdfast
