// What the compilers of objects and arrays are given.
#pragma once

#include <functional>

#include "grammar/json_rules.h"
#include "grammar/schema_compiler.h"
#include "grammar/schema_references.h"
#include "grammar/schema_types.h"

namespace holdfast::grammar {

struct SchemaContext {
  Grammar& grammar;
  JsonRules& json;
  const SchemaReferences& references;
  SchemaOptions options;
  // The values that satisfy a conjunction.
  std::function<ExprId(Conjunction)> value;

  ExprId value_or_any(Conjunction all) {
    return all.parts.empty() && !all.impossible ? json.value() : value(std::move(all));
  }
};

Result<ExprId> array_expr(SchemaContext& context, const Conjunction& all);
Result<ExprId> object_expr(SchemaContext& context, const Conjunction& all);

// True when no value satisfies both, as far as types, constants and required properties with
// constants show.
Result<bool> exclude_each_other(const SchemaReferences& references, const Conjunction& a,
                                const Conjunction& b, int depth = 0);

}  // namespace holdfast::grammar
