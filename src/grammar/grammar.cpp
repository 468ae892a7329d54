#include "grammar/grammar.h"

#include <algorithm>

#include <fmt/format.h>

namespace holdfast::grammar {

Grammar::Grammar() { exprs_ = {{ExprKind::kNothing}, {ExprKind::kEmpty}}; }

Status Grammar::status() const {
  if (error_) return holdfast::fail(*error_);
  return {};
}

void Grammar::too_much(std::string_view what) {
  fail({Code::kResourceExhausted, fmt::format("the grammar has too many {}", what), "",
        "use fewer alternatives and smaller repetition counts"});
}

ExprId Grammar::add(Expr e) {
  if (exprs_.size() >= Limits::kExprs) {
    too_much("parts");
    return nothing();
  }
  exprs_.push_back(e);
  return static_cast<ExprId>(exprs_.size()) - 1;
}

ExprId Grammar::literal(std::string_view text) {
  if (text.empty()) return empty();
  if (bytes_.size() + text.size() > 8 * Limits::kSource) {
    too_much("literal bytes");
    return nothing();
  }
  const Expr e{ExprKind::kLiteral, static_cast<int32_t>(bytes_.size()),
               static_cast<int32_t>(text.size())};
  bytes_ += text;
  return add(e);
}

ExprId Grammar::chars(const CharSet& set) {
  if (set.empty()) return nothing();
  auto [at, added] = set_ids_.try_emplace(set, static_cast<int32_t>(sets_.size()));
  if (added) {
    ranges_ += std::ssize(set.ranges());
    if (ranges_ > Limits::kRanges) too_much("character ranges");
    sets_.push_back(&at->first);
  }
  return add({ExprKind::kChars, at->second});
}

ExprId Grammar::add_list(ExprKind kind, std::span<const ExprId> parts) {
  if (children_.size() + parts.size() > 2 * size_t{Limits::kExprs}) {
    too_much("parts");
    return nothing();
  }
  const Expr e{kind, static_cast<int32_t>(children_.size()), static_cast<int32_t>(parts.size())};
  // `parts` may lie in children_ itself.
  const std::vector<ExprId> copy(parts.begin(), parts.end());
  children_.insert(children_.end(), copy.begin(), copy.end());
  return add(e);
}

ExprId Grammar::sequence(std::span<const ExprId> parts) {
  std::vector<ExprId> kept;
  for (const ExprId part : parts) {
    if (part == nothing()) return nothing();
    if (part != empty()) kept.push_back(part);
  }
  if (kept.empty()) return empty();
  return kept.size() == 1 ? kept[0] : add_list(ExprKind::kSequence, kept);
}

ExprId Grammar::choice(std::span<const ExprId> parts) {
  std::vector<ExprId> kept;
  for (const ExprId part : parts) {
    if (part != nothing()) kept.push_back(part);
  }
  if (kept.empty()) return nothing();
  return kept.size() == 1 ? kept[0] : add_list(ExprKind::kChoice, kept);
}

ExprId Grammar::repeat(ExprId part, int32_t min, int32_t max) {
  if (min > Limits::kRepeat || max > Limits::kRepeat) {
    fail({Code::kResourceExhausted,
          fmt::format("a repetition of {} is more than {}", std::max(min, max), Limits::kRepeat),
          "", "use a smaller bound, or none"});
    return nothing();
  }
  if (max != kNoLimit && max < min) return nothing();
  if (max == 0) return empty();
  if (part == nothing()) return min == 0 ? empty() : nothing();
  if (part == empty()) return empty();
  if (min == 1 && max == 1) return part;
  return add({ExprKind::kRepeat, part, min, max});
}

ExprId Grammar::rule(RuleId rule) { return add({ExprKind::kRule, rule}); }

ExprId Grammar::anchor(ExprKind kind) { return add({kind}); }

RuleId Grammar::add_rule(std::string name) {
  if (bodies_.size() >= Limits::kRules) {
    too_much("rules");
    return 0;
  }
  bodies_.push_back(nothing());
  names_.push_back(std::move(name));
  return static_cast<RuleId>(bodies_.size()) - 1;
}

}  // namespace holdfast::grammar
