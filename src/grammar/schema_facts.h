// What the keywords of a conjunction say about scalars: types, enumerations, strings, numbers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "grammar/char_dfa.h"
#include "grammar/json_rules.h"
#include "grammar/number_range.h"
#include "grammar/schema_types.h"

namespace holdfast::grammar {

// The types that `type` allows.
Result<uint8_t> allowed_types(const Conjunction& all);

// Refuses by name the keywords that matter for values of `types` and that are not done.
Status check_keywords(const Conjunct& part, uint8_t types);

// The value of a keyword that counts something; none when absent.
Result<std::optional<int64_t>> count_keyword(const Conjunct& part, std::string_view name);

// What enum and const leave; none: they are absent.
Result<std::optional<std::vector<const JsonValue*>>> listed_values(const Conjunction& all);

struct StringFacts {
  int32_t min = 0, max = kNoLimit;
  struct Pattern {
    std::string regex, path;
    bool whole = false;  // of a format: the whole text, not somewhere in it
  };
  std::vector<Pattern> patterns;

  bool any() const { return min == 0 && max == kNoLimit && patterns.empty(); }
  // All of them at once.
  Result<CharDfa> dfa() const;
};
Result<StringFacts> string_facts(const Conjunction& all);
Result<ExprId> string_expr(Grammar& grammar, JsonRules& json, const StringFacts& facts);

// Which listed values satisfy the other keywords.
class ValueJudge {
 public:
  // `all` must outlive this.
  ValueJudge(const Conjunction& all, uint8_t types) : all_(all), types_(types) {}
  // unimplemented for objects and arrays beside keywords about such, and for numbers beside
  // multipleOf.
  Result<bool> accepts(const JsonValue& value);

 private:
  const Conjunction& all_;
  const uint8_t types_;
  std::optional<StringFacts> strings_;
  std::optional<CharDfa> dfa_;  // of strings_, where they say anything
};

// `integers`: the type leaves nothing else.
Result<NumberRange> number_facts(const Conjunction& all, bool integers);

// A regular expression for what a format asks for, as a whole; none for formats that are notes.
std::optional<std::string_view> format_regex(std::string_view format);

}  // namespace holdfast::grammar
