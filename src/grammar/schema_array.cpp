#include <algorithm>

#include <fmt/format.h>

#include "grammar/schema_context.h"
#include "grammar/schema_facts.h"

namespace holdfast::grammar {

namespace {

constexpr size_t kMostPrefixItems = 256;

struct Arrays {
  size_t prefix = 0;  // positions with a schema of their own, in any part
  int32_t min = 0, max = kNoLimit;
};

Result<Arrays> read(const Conjunction& all) {
  Arrays out;
  for (const Conjunct& part : all.parts) {
    ASSIGN_OR_RETURN(const auto min, count_keyword(part, "minItems"));
    ASSIGN_OR_RETURN(const auto max, count_keyword(part, "maxItems"));
    for (const auto& [bound, name] : {std::pair(min, "minItems"), std::pair(max, "maxItems")}) {
      if (bound && *bound > Limits::kRepeat)
        return refused(fmt::format("a {} above {}", name, Limits::kRepeat),
                       join_path(part.path, name), "leave it out");
    }
    if (min) out.min = std::max(out.min, static_cast<int32_t>(*min));
    if (max && (out.max == kNoLimit || *max < out.max)) out.max = static_cast<int32_t>(*max);
    const JsonValue* prefix = keyword(*part.schema, "prefixItems");
    if (!prefix) continue;
    const std::string path = join_path(part.path, "prefixItems");
    if (!prefix->is_array()) return malformed("prefixItems must be an array of schemas", path);
    out.prefix = std::max(out.prefix, prefix->get_array().size());
    if (out.prefix > kMostPrefixItems)
      return fail(Code::kResourceExhausted,
                  fmt::format("more than {} prefixItems", kMostPrefixItems), path);
  }
  return out;
}

// What the element at `index` must be.
Result<Conjunction> element(SchemaContext& c, const Conjunction& all, size_t index) {
  Conjunction out;
  for (const Conjunct& part : all.parts) {
    const JsonValue* prefix = keyword(*part.schema, "prefixItems");
    if (prefix && index < prefix->get_array().size()) {
      const std::string path =
          join_path(join_path(part.path, "prefixItems"), fmt::format("{}", index));
      RETURN_IF_ERROR(c.references.add(prefix->get_array()[index], path, out));
    } else if (const JsonValue* items = keyword(*part.schema, "items")) {
      const std::string path = join_path(part.path, "items");
      if (items->is_array())
        return refused("items as an array (of older drafts)", path, "name it prefixItems");
      RETURN_IF_ERROR(c.references.add(*items, path, out));
    }
  }
  return out;
}

}  // namespace

Result<ExprId> array_expr(SchemaContext& c, const Conjunction& all) {
  Grammar& g = c.grammar;
  ASSIGN_OR_RETURN(Arrays facts, read(all));
  ASSIGN_OR_RETURN(const Conjunction rest, element(c, all, facts.prefix));
  const auto prefix = static_cast<int32_t>(facts.prefix);
  if (rest.impossible && (facts.max == kNoLimit || facts.max > prefix)) facts.max = prefix;
  if (facts.max != kNoLimit && facts.max < facts.min) return g.nothing();
  const auto wanted = [&](int32_t index) { return index < facts.min; };
  const auto possible = [&](int32_t index) { return facts.max == kNoLimit || index < facts.max; };

  // From the last to the first: `tail` is what may stand behind the elements so far.
  ExprId tail = g.empty();
  bool tail_has_first = false;  // no element stands before it
  if (possible(prefix)) {
    const ExprId one = c.value_or_any(rest);
    const int32_t min = std::max(0, facts.min - prefix);
    const int32_t max = facts.max == kNoLimit ? kNoLimit : facts.max - prefix;
    const ExprId more = g.sequence({c.json.comma(), one});
    if (prefix > 0) {
      tail = g.repeat(more, min, max);
    } else {
      tail =
          g.sequence({one, g.repeat(more, std::max(0, min - 1), max == kNoLimit ? max : max - 1)});
      if (min == 0)
        tail = g.optional(g.sequence({tail, c.json.space()}));
      else
        tail = g.sequence({tail, c.json.space()});
      tail_has_first = true;
    }
  }
  if (!tail_has_first) {
    for (int32_t i = prefix; i > 0; --i) {
      if (!possible(i - 1)) continue;
      ASSIGN_OR_RETURN(const Conjunction here, element(c, all, static_cast<size_t>(i) - 1));
      const ExprId one = c.value_or_any(here);
      std::vector<ExprId> parts{one, tail};
      if (i > 1) parts.insert(parts.begin(), c.json.comma());
      if (i == 1) parts.push_back(c.json.space());
      tail = g.sequence(parts);
      if (!wanted(i - 1)) tail = g.optional(tail);
    }
  }
  return g.sequence({g.literal("["), c.json.space(), tail, g.literal("]")});
}

}  // namespace holdfast::grammar
