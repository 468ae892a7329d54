// From what a request asks for to a program.
#pragma once

#include <compare>
#include <string>

#include "base/result.h"
#include "grammar/program.h"

namespace holdfast::grammar {

enum class Notation {
  kJsonObject,  // any JSON object; no text
  kJsonSchema,  // text: the schema
  kRegex,       // text: a regular expression of Python's, which the whole answer matches
  kGbnf,        // text: a grammar in GBNF
  kChoice,      // text: a JSON array of strings, one of which the answer is
};

struct ConstraintSpec {
  Notation notation = Notation::kJsonObject;
  std::string text;
  bool open_objects = false;  // see SchemaOptions
  friend auto operator<=>(const ConstraintSpec&, const ConstraintSpec&) = default;
};

// Bounded: whatever the text, it takes less than 100 ms and 64 MiB. invalid_argument, unimplemented
// (naming what is not done) or resource_exhausted; where: a place in the text, for JSON Schema a
// JSON pointer.
Result<Program> compile(const ConstraintSpec& spec);

}  // namespace holdfast::grammar
