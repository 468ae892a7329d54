// What somebody may be allowed to do. A closed list: a policy that names anything else is refused,
// so that a slip of the pen never looks like a rule.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace holdfast {

struct Permission {
  std::string_view name;  // "model:read"
  std::string_view what;  // for people
};

std::span<const Permission> all_permissions();

// A permission's name, "model:*" for all of a kind, or "*" for all.
bool is_permission(std::string_view name);
// The one that was meant, or empty.
std::string nearest_permission(std::string_view name);

// Does what a policy grants cover what a route wants? Whoever may model:read may model:list.
bool covers(std::string_view granted, std::string_view wanted);

}  // namespace holdfast
