// Deterministic automata over characters, for what expressions cannot say: both of two patterns, or
// not one of these words.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "grammar/grammar.h"

namespace holdfast::grammar {

// Every state of a finished one can reach acceptance; no states: no text matches. Functions refuse
// (resource_exhausted) what takes more than kMostStates or kMostEdges.
class CharDfa {
 public:
  struct Edge {
    uint32_t first, last;
    int32_t to;
  };
  struct State {
    std::vector<Edge> edges;  // in order, without overlaps; other characters match nothing
    bool accepts = false;
  };
  static constexpr size_t kMostStates = 4000;
  static constexpr size_t kMostEdges = 60'000;

  // `e` may not hold rules or anchors.
  static Result<CharDfa> from_expr(const Grammar& grammar, ExprId e);
  // All texts but these.
  static Result<CharDfa> except(std::span<const std::string> words);
  // Texts of `min` to `max` characters; kNoLimit: no upper bound.
  static Result<CharDfa> of_length(int32_t min, int32_t max);
  // Decimal integers, with a sign or not, that `divisor` divides.
  static Result<CharDfa> multiples(int32_t divisor);

  Result<CharDfa> intersection(const CharDfa& other) const;
  Result<CharDfa> complement() const;
  bool empty() const { return states_.empty(); }
  bool matches(std::span<const uint32_t> text) const;

  // As rules of `grammar`, whose characters `spell` writes.
  ExprId to_expr(Grammar& grammar, const std::function<ExprId(const CharSet&)>& spell) const;

 private:
  void prune();

  std::vector<State> states_;  // 0: where texts start
};

}  // namespace holdfast::grammar
