// Numbers between bounds, as texts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "grammar/grammar.h"

namespace holdfast::grammar {

// A decimal number, exactly.
struct Decimal {
  bool negative = false;
  std::string whole = "0";  // without leading zeros
  std::string fraction;     // without trailing zeros
  bool zero() const { return whole == "0" && fraction.empty(); }

  // "-12.50"; nothing for any other form (an exponent).
  static std::optional<Decimal> parse(std::string_view text);
};
int compare(const Decimal& a, const Decimal& b);  // < 0, 0, > 0

struct NumberRange {
  bool integers = false;  // no fraction is written; else fractions may be, exponents never
  std::optional<Decimal> least, most;
  bool above_least = false, below_most = false;  // the bound itself is excluded
  std::vector<int32_t> divisors;                 // of integers
  int32_t decimals = kNoLimit;                   // digits after the point at most

  bool bounded() const { return least || most || !divisors.empty() || decimals != kNoLimit; }
};

// resource_exhausted when the automata get too large.
Result<ExprId> numbers_in(Grammar& grammar, const NumberRange& range);

}  // namespace holdfast::grammar
