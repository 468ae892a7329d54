#include "grammar/schema_compiler.h"

#include <deque>
#include <map>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "grammar/schema_context.h"
#include "grammar/schema_facts.h"

namespace holdfast::grammar {

namespace {

constexpr size_t kMostConjunctions = 5'000;
constexpr int32_t kMostComparisons = 20'000;

class SchemaCompiler {
 public:
  SchemaCompiler(const JsonValue& root, const SchemaOptions& options)
      : root_(root),
        json_(grammar_),
        references_(root),
        context_{grammar_, json_, references_, options,
                 [this](Conjunction all) { return value(std::move(all)); }} {}

  Result<Grammar> compile() {
    Conjunction all;
    RETURN_IF_ERROR(references_.add(root_, "#", all));
    grammar_.root = value(std::move(all));
    // Not by recursion: schemas may refer to each other in long chains.
    while (!todo_.empty()) {
      const auto [rule, conjunction] = std::move(todo_.front());
      todo_.pop_front();
      ASSIGN_OR_RETURN(const ExprId body, body_of(conjunction));
      grammar_.set_body(rule, body);
      RETURN_IF_ERROR(grammar_.status());
      if (rules_.size() > kMostConjunctions)
        return fail(Code::kResourceExhausted, "the schema has too many combinations of subschemas",
                    "", "use fewer anyOf beside each other");
    }
    return std::move(grammar_);
  }

 private:
  ExprId value(Conjunction all) {
    const auto [at, added] = rules_.try_emplace(all.key(), 0);
    if (added) {
      at->second = grammar_.add_rule(all.parts.empty() ? "#" : all.parts[0].path);
      todo_.emplace_back(at->second, std::move(all));
    }
    return grammar_.rule(at->second);
  }

  Result<ExprId> body_of(const Conjunction& all) {
    if (all.impossible) return grammar_.nothing();
    if (all.parts.empty()) return json_.value();
    for (size_t i = 0; i < all.parts.size(); ++i) {
      const Conjunct& part = all.parts[i];
      if (!part.any_of_done && keyword(*part.schema, "anyOf")) return branches(all, i, false);
      if (!part.one_of_done && keyword(*part.schema, "oneOf")) return branches(all, i, true);
    }
    return leaf(all);
  }

  // One value for each branch of the anyOf or oneOf of part `i`.
  Result<ExprId> branches(const Conjunction& all, size_t i, bool one_of) {
    const Conjunct& part = all.parts[i];
    const std::string_view name = one_of ? "oneOf" : "anyOf";
    const std::string path = join_path(part.path, name);
    const auto* array = keyword(*part.schema, name)->if_array();
    if (!array || array->empty())
      return malformed(fmt::format("{} must be an array of schemas", name), path);
    std::vector<Conjunction> taken;
    std::vector<ExprId> ways;
    for (size_t branch = 0; branch < array->size(); ++branch) {
      Conjunction one = all;
      (one_of ? one.parts[i].one_of_done : one.parts[i].any_of_done) = true;
      RETURN_IF_ERROR(
          references_.add((*array)[branch], join_path(path, fmt::format("{}", branch)), one));
      if (one_of) RETURN_IF_ERROR(check_exclusive(taken, one, path));
      taken.push_back(one);
      ways.push_back(value(std::move(one)));
      if (rules_.size() > kMostConjunctions) break;
    }
    return grammar_.choice(ways);
  }

  Status check_exclusive(const std::vector<Conjunction>& taken, const Conjunction& one,
                         const std::string& path) {
    for (size_t other = 0; other < taken.size(); ++other) {
      if (++comparisons_ > kMostComparisons)
        return fail(Code::kResourceExhausted, "oneOf has too many branches", path, "use anyOf");
      ASSIGN_OR_RETURN(const bool apart, exclude_each_other(references_, taken[other], one));
      if (!apart)
        return refused(
            fmt::format("oneOf whose branches {} and {} may both hold", other, taken.size()), path,
            "use anyOf, or give each branch a required property with a const");
    }
    return {};
  }

  Result<ExprId> leaf(const Conjunction& all) {
    ASSIGN_OR_RETURN(const uint8_t types, allowed_types(all));
    for (const Conjunct& part : all.parts) RETURN_IF_ERROR(check_keywords(part, types));
    ASSIGN_OR_RETURN(const auto values, listed_values(all));
    std::vector<ExprId> ways;
    if (values) {
      ValueJudge judge(all, types);
      for (const JsonValue* value : *values) {
        ASSIGN_OR_RETURN(const bool fits, judge.accepts(*value));
        if (fits) ways.push_back(json_.constant(*value));
        RETURN_IF_ERROR(grammar_.status());
      }
      return grammar_.choice(ways);
    }
    if (types & kObjectType) {
      ASSIGN_OR_RETURN(const ExprId e, object_expr(context_, all));
      ways.push_back(e);
    }
    if (types & kArrayType) {
      ASSIGN_OR_RETURN(const ExprId e, array_expr(context_, all));
      ways.push_back(e);
    }
    if (types & kStringType) {
      ASSIGN_OR_RETURN(const StringFacts facts, string_facts(all));
      ASSIGN_OR_RETURN(const ExprId e, string_expr(grammar_, json_, facts));
      ways.push_back(e);
    }
    if (types & kNumberTypes) {
      ASSIGN_OR_RETURN(const NumberRange range, number_facts(all, !(types & kFractionType)));
      ExprId e = range.integers ? json_.integer() : json_.number();
      if (range.bounded()) {
        ASSIGN_OR_RETURN(e, numbers_in(grammar_, range));
      }
      ways.push_back(e);
    }
    if (types & kBooleanType) {
      ways.push_back(grammar_.literal("true"));
      ways.push_back(grammar_.literal("false"));
    }
    if (types & kNullType) ways.push_back(grammar_.literal("null"));
    return grammar_.choice(ways);
  }

  const JsonValue& root_;
  Grammar grammar_;
  JsonRules json_;
  const SchemaReferences references_;
  SchemaContext context_;
  std::map<Conjunction::Key, RuleId> rules_;
  std::deque<std::pair<RuleId, Conjunction>> todo_;
  int32_t comparisons_ = 0;
};

}  // namespace

Result<Grammar> compile_schema(std::string_view schema, const SchemaOptions& options) {
  boost::json::error_code ec;
  boost::json::parse_options parsing;
  parsing.max_depth = Limits::kDepth;
  const JsonValue root = boost::json::parse({schema.data(), schema.size()}, ec, {}, parsing);
  if (ec) return fail(Code::kInvalidArgument, "the schema is not JSON: " + ec.message());
  return SchemaCompiler(root, options).compile();
}

}  // namespace holdfast::grammar
