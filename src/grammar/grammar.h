// The one form that all notations (regular expressions, JSON Schema, GBNF) are turned into: rules
// whose bodies are expressions over characters, literals and other rules.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "grammar/char_set.h"

namespace holdfast::grammar {

// What one grammar may take; beyond these it is refused (resource_exhausted). Counts, not times, so
// that a grammar is refused or not whatever else the machine does. Together they keep reading and
// compiling below 100 ms and 64 MiB.
struct Limits {
  static constexpr size_t kSource = 256 << 10;  // bytes of a notation's text
  static constexpr int32_t kDepth = 100;        // parentheses, nested schemas
  static constexpr int32_t kExprs = 200'000;    // parts of all expressions
  static constexpr int32_t kRules = 30'000;
  static constexpr int32_t kRanges = 200'000;  // of characters, in all sets
  static constexpr int32_t kNodes = 400'000;   // of the compiled program
  static constexpr int32_t kRepeat = 65'536;   // the largest bound of a repetition
};

using ExprId = int32_t;
using RuleId = int32_t;

enum class ExprKind : uint8_t {
  kNothing,   // no text at all, not even the empty one
  kEmpty,     // the empty text
  kLiteral,   // bytes
  kChars,     // one character of a set
  kSequence,  // children, one after the other
  kChoice,    // one of the children
  kRepeat,    // the child, `min` to `max` times
  kRule,      // a text of the rule
  kBegin,     // regular expressions only, gone once anchors are resolved: ^
  kEnd,       // $
};

inline constexpr int32_t kNoLimit = -1;

struct Expr {
  ExprKind kind = ExprKind::kNothing;
  int32_t a = 0;  // literal: offset; chars: set; sequence, choice: first child; repeat: child; rule
  int32_t b = 0;  // literal, sequence, choice: count; repeat: min
  int32_t max = 0;  // repeat; kNoLimit: none
};

// Expressions share one arena and may be used in several places. Building never fails on the spot:
// what passes a limit sets error(), which whoever builds in a loop must look at.
class Grammar {
 public:
  Grammar();
  Grammar(Grammar&&) = default;  // no copies: sets_ points into set_ids_
  Grammar& operator=(Grammar&&) = default;

  ExprId nothing() const { return 0; }
  ExprId empty() const { return 1; }
  ExprId literal(std::string_view bytes);
  ExprId chars(const CharSet& set);
  ExprId sequence(std::span<const ExprId> parts);
  ExprId sequence(std::initializer_list<ExprId> parts) {
    return sequence(std::span(parts.begin(), parts.size()));
  }
  ExprId choice(std::span<const ExprId> parts);
  ExprId choice(std::initializer_list<ExprId> parts) {
    return choice(std::span(parts.begin(), parts.size()));
  }
  // Bounds above Limits::kRepeat set error().
  ExprId repeat(ExprId part, int32_t min, int32_t max);
  ExprId optional(ExprId part) { return repeat(part, 0, 1); }
  ExprId rule(RuleId rule);
  ExprId anchor(ExprKind kind);

  // A new rule; until its body is set it matches nothing.
  RuleId add_rule(std::string name);
  void set_body(RuleId rule, ExprId body) { bodies_[static_cast<size_t>(rule)] = body; }

  const Expr& expr(ExprId id) const { return exprs_[static_cast<size_t>(id)]; }
  std::span<const ExprId> children(const Expr& e) const {
    return std::span(children_).subspan(static_cast<size_t>(e.a), static_cast<size_t>(e.b));
  }
  std::string_view bytes(const Expr& e) const {
    return std::string_view(bytes_).substr(static_cast<size_t>(e.a), static_cast<size_t>(e.b));
  }
  const CharSet& set(const Expr& e) const { return *sets_[static_cast<size_t>(e.a)]; }
  int32_t sets() const { return static_cast<int32_t>(sets_.size()); }
  const CharSet& set(int32_t index) const { return *sets_[static_cast<size_t>(index)]; }
  int32_t rules() const { return static_cast<int32_t>(bodies_.size()); }
  ExprId body(RuleId rule) const { return bodies_[static_cast<size_t>(rule)]; }
  const std::string& name(RuleId rule) const { return names_[static_cast<size_t>(rule)]; }

  ExprId root = 0;  // what a whole text must be

  const std::optional<Error>& error() const { return error_; }
  void fail(Error error) {
    if (!error_) error_ = std::move(error);
  }
  // As Status, for the end of a reader.
  Status status() const;

 private:
  ExprId add(Expr e);
  ExprId add_list(ExprKind kind, std::span<const ExprId> parts);
  void too_much(std::string_view what);

  std::vector<Expr> exprs_;
  std::vector<ExprId> children_;
  std::string bytes_;
  std::map<CharSet, int32_t> set_ids_;
  std::vector<const CharSet*> sets_;  // into the map
  int64_t ranges_ = 0;
  std::vector<ExprId> bodies_;
  std::vector<std::string> names_;
  std::optional<Error> error_;
};

}  // namespace holdfast::grammar
