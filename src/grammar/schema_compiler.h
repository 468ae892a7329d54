// JSON Schema (draft 2020-12) as a grammar.
//
// Done: types, enum, const, $ref and $defs (also recursive), allOf, anyOf, oneOf whose branches
// provably exclude each other, properties, required, additionalProperties, patternProperties,
// minProperties, maxProperties, items, prefixItems, minItems, maxItems, minLength, maxLength,
// pattern, format, minimum and its kin, multipleOf in part. All else that would say something about
// a value is refused by name and JSON pointer; what is a note is ignored.
//
// The texts are some of those that the schema allows, in one form: properties in the schema's
// order, then others; white space as json_rules.h says; strings under a pattern and the names of
// properties in their shortest spelling; numbers under bounds without exponents.
#pragma once

#include <string_view>

#include "base/result.h"
#include "grammar/grammar.h"

namespace holdfast::grammar {

struct SchemaOptions {
  // An object whose schema names properties and says nothing about others may have others. Valid
  // answers do not need them, and models do not know when to stop.
  bool open_objects = false;
};

Result<Grammar> compile_schema(std::string_view schema, const SchemaOptions& options);

}  // namespace holdfast::grammar
