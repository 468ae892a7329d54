#include "grammar/regex_anchors.h"

#include <algorithm>
#include <vector>

namespace holdfast::grammar {

namespace {

constexpr size_t kMostAlternatives = 256;

bool is_anchor(const Expr& e) { return e.kind == ExprKind::kBegin || e.kind == ExprKind::kEnd; }

bool has_anchor(const Grammar& g, ExprId id) {
  const Expr& e = g.expr(id);
  if (is_anchor(e)) return true;
  if (e.kind == ExprKind::kRepeat) return has_anchor(g, e.a);
  if (e.kind != ExprKind::kSequence && e.kind != ExprKind::kChoice) return false;
  return std::ranges::any_of(g.children(e), [&](ExprId child) { return has_anchor(g, child); });
}

using Parts = std::vector<ExprId>;

// Alternatives as far as anchors at their ends need them apart.
std::vector<Parts> alternatives(const Grammar& g, ExprId id) {
  const Expr& e = g.expr(id);
  std::vector<Parts> out;
  if (!has_anchor(g, id)) return {{id}};
  if (e.kind == ExprKind::kChoice) {
    for (const ExprId child : g.children(e)) {
      for (Parts& parts : alternatives(g, child)) out.push_back(std::move(parts));
      if (out.size() > kMostAlternatives) break;
    }
    return out;
  }
  if (e.kind != ExprKind::kSequence) return {{id}};
  const auto children = g.children(e);
  const std::vector<Parts> first = alternatives(g, children.front());
  const std::vector<Parts> last = alternatives(g, children.back());
  for (const Parts& begin : first) {
    for (const Parts& end : last) {
      Parts parts = begin;
      parts.insert(parts.end(), children.begin() + 1, children.end() - 1);
      parts.insert(parts.end(), end.begin(), end.end());
      out.push_back(std::move(parts));
      if (out.size() > kMostAlternatives) return out;
    }
  }
  return out;
}

}  // namespace

Result<ExprId> resolve_anchors(Grammar& g, ExprId regex, bool search) {
  const std::vector<Parts> all = alternatives(g, regex);
  if (all.size() > kMostAlternatives)
    return fail(Code::kResourceExhausted, "the pattern has too many alternatives with anchors");
  const ExprId any = g.repeat(g.chars(CharSet::all()), 0, kNoLimit);
  std::vector<ExprId> done;
  for (const Parts& parts : all) {
    auto begin = parts.begin(), end = parts.end();
    bool at_begin = false, at_end = false;
    for (; begin != end && g.expr(*begin).kind == ExprKind::kBegin; ++begin) at_begin = true;
    for (; end != begin && g.expr(*(end - 1)).kind == ExprKind::kEnd; --end) at_end = true;
    // "^" after "$", or the other way round, is the empty text.
    if (std::any_of(begin, end, [&](ExprId part) { return has_anchor(g, part); }))
      return fail(Code::kUnimplemented, "an anchor (^ or $) in the middle of a pattern", "",
                  "anchors may stand at the pattern's or an alternative's beginning and end");
    std::vector<ExprId> whole;
    if (search && !at_begin) whole.push_back(any);
    whole.insert(whole.end(), begin, end);
    if (search && !at_end) whole.push_back(any);
    done.push_back(g.sequence(whole));
  }
  return g.choice(done);
}

}  // namespace holdfast::grammar
