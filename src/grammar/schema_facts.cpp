#include "grammar/schema_facts.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "grammar/program.h"
#include "grammar/regex_parser.h"
#include "grammar/utf8_ranges.h"

namespace holdfast::grammar {

namespace {

Result<uint8_t> type_named(const JsonValue& name, const std::string& path) {
  constexpr std::pair<std::string_view, uint8_t> kTypes[] = {
      {"null", kNullType},      {"boolean", kBooleanType}, {"integer", kIntegerType},
      {"number", kNumberTypes}, {"string", kStringType},   {"array", kArrayType},
      {"object", kObjectType}};
  if (const auto* text = name.if_string()) {
    for (const auto& [known, bits] : kTypes) {
      if (as_view(*text) == known) return bits;
    }
  }
  return malformed("a type must be null, boolean, integer, number, string, array or object", path);
}

constexpr size_t kMostValues = 4096;
constexpr size_t kMostComparisons = 1'000'000;

bool is_true(const JsonValue& value) { return value.is_bool() && value.get_bool(); }
bool is_trivial(const JsonValue& schema) {
  return is_true(schema) || (schema.is_object() && schema.get_object().empty());
}

}  // namespace

Result<uint8_t> allowed_types(const Conjunction& all) {
  uint8_t types = kAnyType;
  for (const Conjunct& part : all.parts) {
    const JsonValue* type = keyword(*part.schema, "type");
    if (!type) continue;
    const std::string path = join_path(part.path, "type");
    uint8_t some = 0;
    if (const auto* names = type->if_array()) {
      for (const JsonValue& name : *names) {
        ASSIGN_OR_RETURN(const uint8_t one, type_named(name, path));
        some |= one;
      }
    } else {
      ASSIGN_OR_RETURN(some, type_named(*type, path));
    }
    types &= some;
  }
  return types;
}

Status check_keywords(const Conjunct& part, uint8_t types) {
  const JsonObject& schema = *part.schema;
  struct Refused {
    std::string_view name;
    uint8_t types;
    std::string_view hint;
  };
  constexpr Refused kRefused[] = {
      {"dependentRequired", kObjectType, "write the cases out with anyOf"},
      {"dependentSchemas", kObjectType, "write the cases out with anyOf"},
      {"dependencies", kObjectType, "write the cases out with anyOf"},
      {"propertyNames", kObjectType, "use patternProperties with additionalProperties: false"},
      {"contains", kArrayType, "put what must be there into prefixItems"},
  };
  for (const Refused& refusal : kRefused) {
    if ((types & refusal.types) && keyword(schema, refusal.name))
      return refused(fmt::format("{} is not done", refusal.name),
                     join_path(part.path, refusal.name), std::string(refusal.hint));
  }
  const auto unevaluated = [&](std::string_view name, uint8_t bit) -> Status {
    const JsonValue* value = keyword(schema, name);
    if (!value || !(types & bit) || is_trivial(*value)) return {};
    return refused(fmt::format("{} is not done", name), join_path(part.path, name),
                   "use additionalProperties or items beside the properties or prefixItems");
  };
  RETURN_IF_ERROR(unevaluated("unevaluatedProperties", kObjectType));
  RETURN_IF_ERROR(unevaluated("unevaluatedItems", kArrayType));
  if (const JsonValue* unique = keyword(schema, "uniqueItems"); unique && (types & kArrayType)) {
    if (is_true(*unique))
      return refused("uniqueItems is not context-free", join_path(part.path, "uniqueItems"),
                     "leave it out and check the answer for it");
  }
  if (keyword(schema, "if") && (keyword(schema, "then") || keyword(schema, "else")))
    return refused("if, then and else are not done", join_path(part.path, "if"),
                   "write the cases out with anyOf");
  if (const JsonValue* no = keyword(schema, "not"); no && !(no->is_bool() && !no->get_bool()))
    return refused("not is not done", join_path(part.path, "not"), "say what may be instead");
  return {};
}

Result<std::optional<int64_t>> count_keyword(const Conjunct& part, std::string_view name) {
  const JsonValue* value = keyword(*part.schema, name);
  if (!value) return std::nullopt;
  const double count = value->is_number() ? value->to_number<double>() : -1;
  if (count < 0 || count != std::floor(count))
    return malformed(fmt::format("{} must be an integer, 0 or more", name),
                     join_path(part.path, name));
  // Larger ones are refused where they are used.
  return static_cast<int64_t>(std::min(count, 1e9));
}

Result<std::optional<std::vector<const JsonValue*>>> listed_values(const Conjunction& all) {
  std::optional<std::vector<const JsonValue*>> left;
  size_t comparisons = 0;
  const auto keep = [&](const std::vector<const JsonValue*>& some) {
    if (!left) {
      left = some;
      return;
    }
    comparisons += left->size() * some.size();
    if (comparisons > kMostComparisons) return;
    std::erase_if(*left, [&](const JsonValue* value) {
      return std::ranges::none_of(some, [&](const JsonValue* x) { return equal(*value, *x); });
    });
  };
  for (const Conjunct& part : all.parts) {
    if (const JsonValue* constant = keyword(*part.schema, "const")) keep({constant});
    if (const JsonValue* values = keyword(*part.schema, "enum")) {
      const auto* array = values->if_array();
      const std::string path = join_path(part.path, "enum");
      if (!array) return malformed("enum must be an array", path);
      if (array->size() > kMostValues)
        return fail(Code::kResourceExhausted,
                    fmt::format("an enum of more than {} values", kMostValues), path);
      std::vector<const JsonValue*> some;
      for (const JsonValue& value : *array) some.push_back(&value);
      keep(some);
      if (comparisons > kMostComparisons)
        return fail(Code::kResourceExhausted, "enums that are too long together", path);
    }
  }
  return left;
}

Result<bool> ValueJudge::accepts(const JsonValue& value) {
  const uint8_t type = type_of(value);
  if (!(types_ & type)) return false;
  if (type == kStringType) {
    if (!strings_) {
      ASSIGN_OR_RETURN(strings_, string_facts(all_));
      if (!strings_->any()) {
        ASSIGN_OR_RETURN(dfa_, strings_->dfa());
      }
    }
    std::vector<uint32_t> text;
    return !dfa_ || (decode_utf8(as_view(value.get_string()), text) && dfa_->matches(text));
  }
  if (type & kNumberTypes) {
    ASSIGN_OR_RETURN(const NumberRange range, number_facts(all_, false));
    const auto number = Decimal::parse(number_text(value));
    if (!range.bounded()) return true;
    if (!number || !range.divisors.empty() || range.decimals != kNoLimit)
      return refused("enum or const beside multipleOf", all_.parts[0].path);
    const int low = range.least ? compare(*number, *range.least) : 1;
    const int high = range.most ? compare(*number, *range.most) : -1;
    return low >= (range.above_least ? 1 : 0) && high <= (range.below_most ? -1 : 0);
  }
  if (type != kArrayType && type != kObjectType) return true;
  for (const Conjunct& part : all_.parts) {
    for (const char* name :
         {"properties", "patternProperties", "additionalProperties", "required", "minProperties",
          "maxProperties", "items", "prefixItems", "minItems", "maxItems"}) {
      if (keyword(*part.schema, name))
        return refused(fmt::format("enum or const of an object or array beside {}", name),
                       join_path(part.path, name), "leave one of them out");
    }
  }
  return true;
}

Result<StringFacts> string_facts(const Conjunction& all) {
  StringFacts facts;
  for (const Conjunct& part : all.parts) {
    ASSIGN_OR_RETURN(const auto min, count_keyword(part, "minLength"));
    ASSIGN_OR_RETURN(const auto max, count_keyword(part, "maxLength"));
    for (const auto& [bound, name] : {std::pair(min, "minLength"), std::pair(max, "maxLength")}) {
      if (bound && *bound > Limits::kRepeat)
        return refused(fmt::format("a {} above {}", name, Limits::kRepeat),
                       join_path(part.path, name), "leave it out");
    }
    if (min) facts.min = std::max(facts.min, static_cast<int32_t>(*min));
    if (max && (facts.max == kNoLimit || *max < facts.max)) facts.max = static_cast<int32_t>(*max);
    if (const JsonValue* pattern = keyword(*part.schema, "pattern")) {
      const std::string path = join_path(part.path, "pattern");
      if (!pattern->is_string()) return malformed("pattern must be a string", path);
      facts.patterns.push_back({std::string(as_view(pattern->get_string())), path, false});
    }
    if (const JsonValue* format = keyword(*part.schema, "format"); format && format->is_string()) {
      if (const auto regex = format_regex(as_view(format->get_string())))
        facts.patterns.push_back({std::string(*regex), join_path(part.path, "format"), true});
    }
  }
  return facts;
}

namespace {

Result<ExprId> parse(Grammar& grammar, const StringFacts::Pattern& pattern) {
  auto parsed = parse_regex(grammar, pattern.regex, RegexDialect::kEcmaScript, !pattern.whole);
  if (parsed) return *parsed;
  Error error = parsed.error();
  error.where = pattern.path + (error.where.empty() ? "" : ", " + error.where);
  return fail(std::move(error));
}

}  // namespace

Result<CharDfa> StringFacts::dfa() const {
  std::optional<CharDfa> all;
  const auto add = [&](Result<CharDfa> one) -> Status {
    if (one && all) one = all->intersection(*one);
    if (!one) return fail(std::move(one).error());
    all = std::move(*one);
    return {};
  };
  for (const Pattern& pattern : patterns) {
    Grammar scratch;
    ASSIGN_OR_RETURN(const ExprId e, parse(scratch, pattern));
    RETURN_IF_ERROR(add(CharDfa::from_expr(scratch, e)));
  }
  if (min > 0 || max != kNoLimit) RETURN_IF_ERROR(add(CharDfa::of_length(min, max)));
  if (!all) return CharDfa::of_length(0, kNoLimit);
  return *all;
}

Result<ExprId> string_expr(Grammar& g, JsonRules& json, const StringFacts& facts) {
  if (facts.max != kNoLimit && facts.max < facts.min) return g.nothing();
  if (facts.any()) return json.string();
  if (facts.patterns.empty()) {
    const ExprId one = g.choice({g.chars(plain_characters()), json.character()});
    return json.quoted(g.repeat(one, facts.min, facts.max));
  }
  if (facts.patterns.size() == 1 && facts.min == 0 && facts.max == kNoLimit) {
    ASSIGN_OR_RETURN(const ExprId e, parse(g, facts.patterns[0]));
    return json.text(e);
  }
  auto dfa = facts.dfa();
  if (!dfa) {
    Error error = dfa.error();
    if (error.where.empty()) error.where = facts.patterns[0].path;
    return fail(std::move(error));
  }
  return json.quoted(dfa->to_expr(g, [&](const CharSet& set) { return json.spelled(set); }));
}

Result<NumberRange> number_facts(const Conjunction& all, bool integers) {
  NumberRange range;
  range.integers = integers;
  for (const Conjunct& part : all.parts) {
    for (const std::string_view name :
         {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}) {
      const JsonValue* value = keyword(*part.schema, name);
      if (!value) continue;
      const std::string path = join_path(part.path, name);
      if (!value->is_number()) return malformed(fmt::format("{} must be a number", name), path);
      const auto number = Decimal::parse(number_text(*value));
      if (!number)
        return refused(fmt::format("a {} that large or small", name), path, "leave it out");
      const bool exclusive = name.starts_with("exclusive");
      if (name == "multipleOf") {
        if (number->negative || number->zero())
          return malformed("multipleOf must be above 0", path);
        if (number->fraction.empty() && number->whole.size() <= 3) {
          range.integers = true;
          if (number->whole != "1") range.divisors.push_back(std::stoi(number->whole));
        } else if (number->whole == "0" &&
                   number->fraction.find_first_not_of('0') == number->fraction.size() - 1 &&
                   number->fraction.back() == '1') {
          const auto digits = static_cast<int32_t>(number->fraction.size());
          if (range.decimals == kNoLimit || digits < range.decimals) range.decimals = digits;
        } else {
          return refused("a multipleOf other than 1 to 999, 0.1, 0.01 and so on", path);
        }
      } else if (name == "minimum" || name == "exclusiveMinimum") {
        const int order = range.least ? compare(*number, *range.least) : 1;
        if (order > 0) range.above_least = exclusive;
        if (order > 0) range.least = *number;
        if (order == 0) range.above_least |= exclusive;
      } else {
        const int order = range.most ? compare(*number, *range.most) : -1;
        if (order < 0) range.below_most = exclusive;
        if (order < 0) range.most = *number;
        if (order == 0) range.below_most |= exclusive;
      }
    }
  }
  if (range.integers) range.decimals = kNoLimit;
  return range;
}

}  // namespace holdfast::grammar
