// Follows $ref within one schema document, and lays allOf and $ref flat.
#pragma once

#include <map>
#include <string>

#include "grammar/schema_types.h"

namespace holdfast::grammar {

class SchemaReferences {
 public:
  // `root` must outlive this.
  explicit SchemaReferences(const JsonValue& root);

  // Adds what `schema` asks for to `to`: itself, its allOf, what it refers to. unimplemented for
  // references to other documents and $dynamicRef; invalid_argument for dangling ones and for what
  // is no schema.
  Status add(const JsonValue& schema, const std::string& path, Conjunction& to) const;

 private:
  Result<std::pair<const JsonValue*, std::string>> follow(std::string_view reference,
                                                          const std::string& path) const;
  Status add_once(const JsonValue& schema, const std::string& path, Conjunction& to,
                  int depth) const;
  void find_anchors(const JsonValue& value, const std::string& path);

  const JsonValue& root_;
  std::string id_;  // the root's own
  std::map<std::string, std::pair<const JsonValue*, std::string>, std::less<>> anchors_;
};

}  // namespace holdfast::grammar
