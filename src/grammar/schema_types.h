// What the parts of the JSON Schema compiler share.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "base/result.h"

namespace holdfast::grammar {

using JsonValue = boost::json::value;
using JsonObject = boost::json::object;

// Kinds of values, as bits. Every integer is a number: kInteger and kFraction together are all.
enum TypeBits : uint8_t {
  kNullType = 1,
  kBooleanType = 2,
  kIntegerType = 4,
  kFractionType = 8,
  kStringType = 16,
  kArrayType = 32,
  kObjectType = 64,
};
inline constexpr uint8_t kAnyType = 127;
inline constexpr uint8_t kNumberTypes = kIntegerType | kFractionType;

// One schema object that a value must satisfy. Its allOf and $ref are other conjuncts already.
struct Conjunct {
  const JsonObject* schema = nullptr;
  std::string path;                               // JSON pointer: "#/properties/a"
  bool any_of_done = false, one_of_done = false;  // a branch has been taken
};

// A value must satisfy all of them. Impossible: nothing does.
struct Conjunction {
  std::vector<Conjunct> parts;
  bool impossible = false;

  // Equal keys, equal values; paths do not count.
  using Key = std::vector<std::pair<const void*, int>>;
  Key key() const;
};

inline std::string_view as_view(const boost::json::string& s) { return {s.data(), s.size()}; }
inline std::string_view as_view(boost::json::string_view s) { return {s.data(), s.size()}; }
std::string join_path(const std::string& path, std::string_view step);

// The value of a keyword, or null when it is absent.
const JsonValue* keyword(const JsonObject& schema, std::string_view name);

uint8_t type_of(const JsonValue& value);
// As JSON Schema compares: 1 and 1.0 are equal.
bool equal(const JsonValue& a, const JsonValue& b);

inline tl::unexpected<Error> refused(std::string what, const std::string& path,
                                     std::string hint = {}) {
  return fail(Code::kUnimplemented, std::move(what), path, std::move(hint));
}
inline tl::unexpected<Error> malformed(std::string what, const std::string& path) {
  return fail(Code::kInvalidArgument, std::move(what), path);
}

}  // namespace holdfast::grammar
