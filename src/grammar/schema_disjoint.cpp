#include <algorithm>
#include <set>

#include "grammar/schema_context.h"
#include "grammar/schema_facts.h"

namespace holdfast::grammar {

namespace {

std::set<std::string> required_names(const Conjunction& all) {
  std::set<std::string> names;
  for (const Conjunct& part : all.parts) {
    const JsonValue* required = keyword(*part.schema, "required");
    if (!required || !required->is_array()) continue;
    for (const JsonValue& name : required->get_array()) {
      if (name.is_string()) names.emplace(as_view(name.get_string()));
    }
  }
  return names;
}

// What is said about a property, as far as properties and additionalProperties go. `forbidden`: it
// cannot be there.
Result<Conjunction> property(const SchemaReferences& references, const Conjunction& all,
                             const std::string& name) {
  Conjunction out;
  for (const Conjunct& part : all.parts) {
    const JsonValue* properties = keyword(*part.schema, "properties");
    const JsonValue* schema =
        properties && properties->is_object() ? keyword(properties->get_object(), name) : nullptr;
    const JsonValue* others = keyword(*part.schema, "additionalProperties");
    if (schema) {
      RETURN_IF_ERROR(references.add(*schema, part.path, out));
    } else if (others && !keyword(*part.schema, "patternProperties")) {
      RETURN_IF_ERROR(references.add(*others, part.path, out));
    }
  }
  return out;
}

}  // namespace

Result<bool> exclude_each_other(const SchemaReferences& references, const Conjunction& a,
                                const Conjunction& b, int depth) {
  if (a.impossible || b.impossible) return true;
  ASSIGN_OR_RETURN(uint8_t types_a, allowed_types(a));
  ASSIGN_OR_RETURN(uint8_t types_b, allowed_types(b));
  ASSIGN_OR_RETURN(const auto values_a, listed_values(a));
  ASSIGN_OR_RETURN(const auto values_b, listed_values(b));
  const auto narrow = [](const auto& values, uint8_t& types) {
    if (!values) return;
    uint8_t some = 0;
    for (const JsonValue* value : *values) some |= type_of(*value);
    types &= some;
  };
  narrow(values_a, types_a);
  narrow(values_b, types_b);
  const auto both = static_cast<uint8_t>(types_a & types_b);
  if (both == 0) return true;
  if (values_a && values_b) {
    const auto in_b = [&](const JsonValue* x) {
      return std::ranges::any_of(*values_b, [&](const JsonValue* y) { return equal(*x, *y); });
    };
    if (std::ranges::none_of(*values_a, in_b)) return true;
  }
  if (both == kStringType) {
    ASSIGN_OR_RETURN(const StringFacts facts_a, string_facts(a));
    ASSIGN_OR_RETURN(const StringFacts facts_b, string_facts(b));
    if ((facts_a.max != kNoLimit && facts_a.max < facts_b.min) ||
        (facts_b.max != kNoLimit && facts_b.max < facts_a.min))
      return true;
    if (facts_a.patterns.empty() || facts_b.patterns.empty()) return false;
    ASSIGN_OR_RETURN(const CharDfa dfa_a, facts_a.dfa());
    ASSIGN_OR_RETURN(const CharDfa dfa_b, facts_b.dfa());
    ASSIGN_OR_RETURN(const CharDfa common, dfa_a.intersection(dfa_b));
    return common.empty();
  }
  if ((both & ~kNumberTypes) == 0) {
    ASSIGN_OR_RETURN(const NumberRange range_a, number_facts(a, false));
    ASSIGN_OR_RETURN(const NumberRange range_b, number_facts(b, false));
    const auto below = [](const NumberRange& x, const NumberRange& y) {
      if (!x.most || !y.least) return false;
      const int order = compare(*x.most, *y.least);
      return order < 0 || (order == 0 && (x.below_most || y.above_least));
    };
    return below(range_a, range_b) || below(range_b, range_a);
  }
  if (both != kObjectType || depth > 4) return false;
  const std::set<std::string> needs_a = required_names(a), needs_b = required_names(b);
  std::set<std::string> needed = needs_a;
  needed.insert(needs_b.begin(), needs_b.end());
  for (const std::string& name : needed) {
    ASSIGN_OR_RETURN(const Conjunction in_a, property(references, a, name));
    ASSIGN_OR_RETURN(const Conjunction in_b, property(references, b, name));
    // Required on one side, impossible on the other; or required on both and never equal.
    if ((needs_a.contains(name) && in_b.impossible) || (needs_b.contains(name) && in_a.impossible))
      return true;
    if (!needs_a.contains(name) || !needs_b.contains(name)) continue;
    ASSIGN_OR_RETURN(const bool never, exclude_each_other(references, in_a, in_b, depth + 1));
    if (never) return true;
  }
  return false;
}

}  // namespace holdfast::grammar
