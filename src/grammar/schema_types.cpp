#include "grammar/schema_types.h"

#include <algorithm>
#include <cmath>

namespace holdfast::grammar {

Conjunction::Key Conjunction::key() const {
  Key key;
  if (impossible) key.emplace_back(nullptr, 0);
  for (const Conjunct& part : parts)
    key.emplace_back(part.schema, (part.any_of_done ? 1 : 0) + (part.one_of_done ? 2 : 0));
  return key;
}

std::string join_path(const std::string& path, std::string_view step) {
  std::string out = path + '/';
  for (const char c : step) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

const JsonValue* keyword(const JsonObject& schema, std::string_view name) {
  return schema.if_contains(boost::json::string_view(name.data(), name.size()));
}

uint8_t type_of(const JsonValue& value) {
  if (value.is_null()) return kNullType;
  if (value.is_bool()) return kBooleanType;
  if (value.is_string()) return kStringType;
  if (value.is_array()) return kArrayType;
  if (value.is_object()) return kObjectType;
  if (value.is_double() && std::floor(value.get_double()) != value.get_double())
    return kFractionType;
  return kIntegerType;
}

bool equal(const JsonValue& a, const JsonValue& b) {
  if (a.is_number() && b.is_number()) {
    if (!a.is_double() && !b.is_double()) return a == b;
    return a.to_number<double>() == b.to_number<double>();
  }
  if (a.is_array() && b.is_array()) {
    const auto &x = a.get_array(), &y = b.get_array();
    return std::equal(x.begin(), x.end(), y.begin(), y.end(), equal);
  }
  if (a.is_object() && b.is_object()) {
    const auto &x = a.get_object(), &y = b.get_object();
    if (x.size() != y.size()) return false;
    return std::ranges::all_of(x, [&](const auto& member) {
      const JsonValue* other = y.if_contains(member.key());
      return other && equal(member.value(), *other);
    });
  }
  return a == b;
}

}  // namespace holdfast::grammar
