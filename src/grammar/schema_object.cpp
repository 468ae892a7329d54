#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "grammar/char_dfa.h"
#include "grammar/regex_parser.h"
#include "grammar/schema_context.h"
#include "grammar/schema_facts.h"
#include "grammar/utf8_ranges.h"

namespace holdfast::grammar {

namespace {

constexpr size_t kMostPatterns = 4;
constexpr size_t kMostProperties = 4096;

struct Pattern {
  const Conjunct* part;
  const JsonValue* schema;
  std::string path;
  CharDfa names;
};

// What a part says about the values of names that it does not name.
const JsonValue* additional(const Conjunct& part) {
  return keyword(*part.schema, "additionalProperties");
}

class ObjectCompiler {
 public:
  ObjectCompiler(SchemaContext& context, const Conjunction& all)
      : c_(context), g_(context.grammar), all_(all) {}

  Result<ExprId> compile() {
    RETURN_IF_ERROR(read());
    if (names_.empty() && patterns_.empty() && !says_additional_ && min_ == 0 && max_ == kNoLimit)
      return c_.json.object();
    for (const std::string& name : names_) {
      ASSIGN_OR_RETURN(Conjunction value, value_of(name));
      const ExprId key = c_.json.constant(std::string_view(name));
      members_.push_back(c_.json.member(key, c_.value_or_any(std::move(value))));
    }
    ASSIGN_OR_RETURN(others_, other_members());
    return write();
  }

 private:
  Status read() {
    std::set<std::string, std::less<>> known;
    const auto add_name = [&](std::string_view name) {
      if (known.emplace(name).second) names_.emplace_back(name);
    };
    for (const Conjunct& part : all_.parts) {
      if (const JsonValue* properties = keyword(*part.schema, "properties")) {
        const JsonObject* object = properties->if_object();
        if (!object)
          return malformed("properties must be an object", join_path(part.path, "properties"));
        for (const auto& member : *object) add_name(as_view(member.key()));
        says_properties_ |= !object->empty();
      }
      if (additional(part)) says_additional_ = true;
      ASSIGN_OR_RETURN(const auto min, count_keyword(part, "minProperties"));
      ASSIGN_OR_RETURN(const auto max, count_keyword(part, "maxProperties"));
      if (min) min_ = std::max(min_, static_cast<int32_t>(*min));
      if (max && (max_ == kNoLimit || *max < max_)) max_ = static_cast<int32_t>(*max);
      RETURN_IF_ERROR(read_patterns(part));
    }
    for (const Conjunct& part : all_.parts) {
      const JsonValue* required = keyword(*part.schema, "required");
      if (!required) continue;
      const std::string path = join_path(part.path, "required");
      const auto* array = required->if_array();
      if (!array) return malformed("required must be an array of names", path);
      for (const JsonValue& name : *array) {
        if (!name.is_string()) return malformed("required must be an array of names", path);
        add_name(as_view(name.get_string()));
        required_.emplace(as_view(name.get_string()));
      }
    }
    if (names_.size() > kMostProperties)
      return fail(Code::kResourceExhausted, fmt::format("more than {} properties", kMostProperties),
                  all_.parts.empty() ? "" : all_.parts[0].path);
    return {};
  }

  Status read_patterns(const Conjunct& part) {
    const JsonValue* patterns = keyword(*part.schema, "patternProperties");
    if (!patterns) return {};
    const std::string path = join_path(part.path, "patternProperties");
    const JsonObject* object = patterns->if_object();
    if (!object) return malformed("patternProperties must be an object", path);
    for (const auto& member : *object) {
      const std::string at = join_path(path, as_view(member.key()));
      Grammar scratch;
      auto parsed = parse_regex(scratch, as_view(member.key()), RegexDialect::kEcmaScript, true);
      if (!parsed) {
        Error error = parsed.error();
        error.where = at + (error.where.empty() ? "" : ", " + error.where);
        return fail(std::move(error));
      }
      ASSIGN_OR_RETURN(CharDfa names, CharDfa::from_expr(scratch, *parsed));
      patterns_.push_back({&part, &member.value(), at, std::move(names)});
    }
    if (patterns_.size() > kMostPatterns)
      return refused(fmt::format("more than {} patternProperties on one object", kMostPatterns),
                     path);
    return {};
  }

  // What the value under `name` must be.
  Result<Conjunction> value_of(const std::string& name) {
    Conjunction out;
    std::vector<uint32_t> text;
    if (!decode_utf8(name, text)) return malformed("a property's name is not UTF-8", "");
    for (const Conjunct& part : all_.parts) {
      bool named = false;
      const JsonValue* properties = keyword(*part.schema, "properties");
      if (const JsonValue* schema =
              properties ? keyword(properties->get_object(), name) : nullptr) {
        named = true;
        const std::string path = join_path(join_path(part.path, "properties"), name);
        RETURN_IF_ERROR(c_.references.add(*schema, path, out));
      }
      for (const Pattern& pattern : patterns_) {
        if (pattern.part != &part || !pattern.names.matches(text)) continue;
        named = true;
        RETURN_IF_ERROR(c_.references.add(*pattern.schema, pattern.path, out));
      }
      if (const JsonValue* schema = additional(part); schema && !named) {
        RETURN_IF_ERROR(
            c_.references.add(*schema, join_path(part.path, "additionalProperties"), out));
      }
    }
    return out;
  }

  // A member whose name is none of the declared ones.
  Result<ExprId> other_members() {
    const bool closed =
        !c_.options.open_objects && !says_additional_ && (says_properties_ || !patterns_.empty());
    std::vector<ExprId> ways;
    for (uint32_t chosen = 0; chosen < 1u << patterns_.size(); ++chosen) {
      if (chosen == 0 && closed) continue;
      Conjunction value;
      for (const Conjunct& part : all_.parts) {
        bool named = false;
        for (size_t i = 0; i < patterns_.size(); ++i) {
          if (patterns_[i].part != &part || !(chosen >> i & 1)) continue;
          named = true;
          RETURN_IF_ERROR(c_.references.add(*patterns_[i].schema, patterns_[i].path, value));
        }
        if (const JsonValue* schema = additional(part); schema && !named) {
          RETURN_IF_ERROR(
              c_.references.add(*schema, join_path(part.path, "additionalProperties"), value));
        }
      }
      if (value.impossible) continue;
      ASSIGN_OR_RETURN(const ExprId key, other_name(chosen));
      ways.push_back(c_.json.member(key, c_.value_or_any(std::move(value))));
    }
    return g_.choice(ways);
  }

  // A name that is not declared and matches exactly the chosen patterns.
  Result<ExprId> other_name(uint32_t chosen) {
    const auto spell = [&](const CharSet& set) { return c_.json.spelled(set); };
    if (names_.empty() && patterns_.empty())
      return c_.json.quoted(g_.repeat(spell(CharSet::all()), 0, kNoLimit));
    ASSIGN_OR_RETURN(CharDfa names, CharDfa::except(names_));
    for (size_t i = 0; i < patterns_.size(); ++i) {
      if (chosen >> i & 1) {
        ASSIGN_OR_RETURN(names, names.intersection(patterns_[i].names));
      } else {
        ASSIGN_OR_RETURN(const CharDfa without, patterns_[i].names.complement());
        ASSIGN_OR_RETURN(names, names.intersection(without));
      }
    }
    return c_.json.quoted(names.to_expr(g_, spell));
  }

  bool is_required(size_t i) const { return required_.contains(names_[i]); }

  // Rules for what may follow from the i-th property on, when `count` members stand before (as far
  // as anybody counts) and whether any does. Each ends in the next: a chain of tail calls.
  Result<ExprId> write() {
    const auto declared = static_cast<int32_t>(members_.size());
    const auto needed = static_cast<int32_t>(required_.size());
    const bool any_others = others_ != g_.nothing();
    if (min_ <= needed) min_ = 0;
    if (max_ != kNoLimit && !any_others && max_ >= declared) max_ = kNoLimit;
    // Two others might have one name and count as one.
    if (min_ > declared + 1 && any_others)
      return refused("a minProperties beyond the declared properties", all_.parts[0].path,
                     "declare the properties, or leave it out");
    const bool counts = min_ > 0 || max_ != kNoLimit;
    const int32_t most = !counts ? 0 : max_ != kNoLimit ? max_ : min_;
    if (most > 1000) return refused("a maxProperties above 1000", all_.parts[0].path);

    // next[2 * count + some]
    std::vector<ExprId> next = ends(most, counts);
    for (int32_t i = declared - 1; i >= 0; --i) {
      std::vector<ExprId> here(next.size(), g_.nothing());
      for (int32_t count = 0; count <= std::min(i, most); ++count) {
        for (const bool some : {false, true}) {
          if ((some && i == 0) || (!some && count > 0) || g_.error()) continue;
          const int32_t after = counts ? std::min(count + 1, most) : 0;
          ExprId take = g_.nothing();
          if (!counts || max_ == kNoLimit || count < max_) {
            take =
                g_.sequence({some ? c_.json.comma() : g_.empty(), members_[static_cast<size_t>(i)],
                             next[static_cast<size_t>(2 * after + 1)]});
          }
          const ExprId skip = is_required(static_cast<size_t>(i))
                                  ? g_.nothing()
                                  : next[static_cast<size_t>(2 * count + some)];
          const RuleId rule = g_.add_rule("members");
          g_.set_body(rule, g_.choice({take, skip}));
          here[static_cast<size_t>(2 * count + some)] = g_.rule(rule);
        }
      }
      next = std::move(here);
    }
    return g_.sequence({g_.literal("{"), c_.json.space(), next[0], g_.literal("}")});
  }

  // After the declared properties.
  std::vector<ExprId> ends(int32_t most, bool counts) {
    std::vector<ExprId> out;
    const ExprId more = g_.sequence({c_.json.comma(), others_});
    for (int32_t count = 0; count <= most; ++count) {
      const int32_t low = std::max(0, min_ - count);
      const int32_t high = !counts || max_ == kNoLimit ? kNoLimit : max_ - count;
      for (const bool some : {false, true}) {
        ExprId e = g_.nothing();
        if (low <= 1 && some) {
          e = g_.sequence({g_.repeat(more, low, high), c_.json.space()});
        } else if (low <= 1) {
          if (high != 0) {
            const ExprId rest = g_.repeat(more, 0, high == kNoLimit ? high : high - 1);
            e = g_.sequence({others_, rest, c_.json.space()});
          }
          if (low == 0) e = g_.choice({g_.empty(), e});
        }
        out.push_back(e);
      }
    }
    return out;
  }

  SchemaContext& c_;
  Grammar& g_;
  const Conjunction& all_;
  std::vector<std::string> names_;  // declared or required, in order
  std::set<std::string, std::less<>> required_;
  std::vector<Pattern> patterns_;
  bool says_properties_ = false, says_additional_ = false;
  int32_t min_ = 0, max_ = kNoLimit;
  std::vector<ExprId> members_;  // by name
  ExprId others_ = 0;
};

}  // namespace

Result<ExprId> object_expr(SchemaContext& context, const Conjunction& all) {
  return ObjectCompiler(context, all).compile();
}

}  // namespace holdfast::grammar
