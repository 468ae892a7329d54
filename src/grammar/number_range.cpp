#include "grammar/number_range.h"

#include <algorithm>

#include "grammar/char_dfa.h"

namespace holdfast::grammar {

namespace {

// Numbers without a sign, above or below one.
class Magnitudes {
 public:
  Magnitudes(Grammar& g, bool integers) : g_(g), integers_(integers) {}

  ExprId all() { return g_.sequence({any_whole(), any_fraction()}); }

  ExprId at_least(const Decimal& x, bool above) {
    const ExprId greater = g_.sequence({whole_beside(x.whole, true), any_fraction()});
    const ExprId equal = g_.sequence({g_.literal(x.whole), fraction_at_least(x.fraction, above)});
    return g_.choice({greater, equal});
  }

  ExprId at_most(const Decimal& x, bool below) {
    const ExprId less = g_.sequence({whole_beside(x.whole, false), any_fraction()});
    const ExprId equal = g_.sequence({g_.literal(x.whole), fraction_at_most(x.fraction, below)});
    return g_.choice({less, equal});
  }

 private:
  ExprId digit(uint32_t from, uint32_t to) {
    return from > to ? g_.nothing() : g_.chars(CharSet({{from, to}}));
  }
  ExprId digits(int32_t min, int32_t max) { return g_.repeat(digit('0', '9'), min, max); }
  ExprId any_whole() {
    return g_.choice({g_.literal("0"), g_.sequence({digit('1', '9'), digits(0, kNoLimit)})});
  }
  ExprId any_fraction() {
    if (integers_) return g_.empty();
    return g_.optional(g_.sequence({g_.literal("."), digits(1, kNoLimit)}));
  }
  ExprId pointed(ExprId digits) {
    return integers_ ? g_.nothing() : g_.sequence({g_.literal("."), digits});
  }

  // Whole numbers above or below `d`.
  ExprId whole_beside(const std::string& d, bool above) {
    const auto size = static_cast<int32_t>(d.size());
    std::vector<ExprId> ways;
    if (above) {
      ways.push_back(g_.sequence({digit('1', '9'), digits(size, kNoLimit)}));
    } else if (size > 1) {
      ways.push_back(g_.literal("0"));
      ways.push_back(g_.sequence({digit('1', '9'), digits(0, size - 2)}));
    }
    for (int32_t i = 0; i < size; ++i) {
      const auto at = static_cast<uint32_t>(d[static_cast<size_t>(i)]);
      const uint32_t first = i == 0 && size > 1 ? '1' : '0';
      const ExprId other = above ? digit(std::max(at + 1, first), '9') : digit(first, at - 1);
      ways.push_back(g_.sequence({g_.literal(d.substr(0, static_cast<size_t>(i))), other,
                                  digits(size - 1 - i, size - 1 - i)}));
    }
    return g_.choice(ways);
  }

  // Digits after the point that differ first at some place of f, upwards or downwards.
  void differ(const std::string& f, bool above, std::vector<ExprId>& ways) {
    for (size_t i = 0; i < f.size(); ++i) {
      const auto at = static_cast<uint32_t>(f[i]);
      const ExprId other = above ? digit(at + 1, '9') : digit('0', at - 1);
      ways.push_back(
          pointed(g_.sequence({g_.literal(f.substr(0, i)), other, digits(0, kNoLimit)})));
    }
  }

  ExprId fraction_at_least(const std::string& f, bool above) {
    if (f.empty() && !above) return any_fraction();
    std::vector<ExprId> ways;
    differ(f, true, ways);
    const ExprId more =
        above ? g_.sequence({digits(0, kNoLimit), digit('1', '9'), digits(0, kNoLimit)})
              : digits(0, kNoLimit);
    ways.push_back(pointed(g_.sequence({g_.literal(f), more})));
    return g_.choice(ways);
  }

  ExprId fraction_at_most(const std::string& f, bool below) {
    std::vector<ExprId> ways;
    if (!f.empty() || !below) ways.push_back(g_.empty());
    differ(f, false, ways);
    for (size_t i = 1; i < f.size(); ++i) ways.push_back(pointed(g_.literal(f.substr(0, i))));
    if (!below) {
      const ExprId zeros = g_.repeat(g_.literal("0"), f.empty() ? 1 : 0, kNoLimit);
      ways.push_back(pointed(g_.sequence({g_.literal(f), zeros})));
    }
    return g_.choice(ways);
  }

  Grammar& g_;
  const bool integers_;
};

}  // namespace

std::optional<Decimal> Decimal::parse(std::string_view text) {
  Decimal out;
  out.negative = text.starts_with('-');
  if (out.negative) text.remove_prefix(1);
  const size_t point = text.find('.');
  out.whole = text.substr(0, point);
  if (point != std::string_view::npos) out.fraction = text.substr(point + 1);
  const auto digits = [](std::string_view s) {
    return std::ranges::all_of(s, [](char c) { return c >= '0' && c <= '9'; });
  };
  if (out.whole.empty() || !digits(out.whole) || !digits(out.fraction)) return std::nullopt;
  out.whole.erase(0, std::min(out.whole.find_first_not_of('0'), out.whole.size() - 1));
  out.fraction.erase(out.fraction.find_last_not_of('0') + 1);
  if (out.zero()) out.negative = false;
  return out;
}

int compare(const Decimal& a, const Decimal& b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  const int sign = a.negative ? -1 : 1;
  if (a.whole.size() != b.whole.size()) return a.whole.size() < b.whole.size() ? -sign : sign;
  if (const int order = a.whole.compare(b.whole); order != 0) return order < 0 ? -sign : sign;
  const int order = a.fraction.compare(b.fraction);  // the shorter of equal beginnings is less
  return order == 0 ? 0 : order < 0 ? -sign : sign;
}

Result<ExprId> numbers_in(Grammar& grammar, const NumberRange& range) {
  Grammar g;  // of what is only needed on the way
  Magnitudes magnitudes(g, range.integers);
  std::vector<ExprId> results;
  for (const bool negative : {false, true}) {
    // As bounds of the magnitude.
    const auto& low = negative ? range.most : range.least;
    const auto& high = negative ? range.least : range.most;
    const bool above = negative ? range.below_most : range.above_least;
    const bool below = negative ? range.above_least : range.below_most;
    if (negative && high && !high->negative) continue;  // least is 0 or more
    if (!negative && high && high->negative) continue;
    std::vector<ExprId> sets{magnitudes.all()};
    // A bound on the other side of zero bounds nothing here; zero itself does when excluded.
    if (low && (low->zero() || low->negative == negative))
      sets.push_back(magnitudes.at_least(*low, above));
    if (high) sets.push_back(magnitudes.at_most(*high, below));
    std::optional<CharDfa> dfa;
    for (ExprId set : sets) {
      if (negative) set = g.sequence({g.literal("-"), set});
      ASSIGN_OR_RETURN(CharDfa one, CharDfa::from_expr(g, set));
      if (dfa) {
        ASSIGN_OR_RETURN(one, dfa->intersection(one));
      }
      dfa = std::move(one);
    }
    for (const int32_t divisor : range.divisors) {
      ASSIGN_OR_RETURN(const CharDfa multiples, CharDfa::multiples(divisor));
      ASSIGN_OR_RETURN(dfa, dfa->intersection(multiples));
    }
    if (range.decimals != kNoLimit) {
      const ExprId digit = g.chars(CharSet({{'0', '9'}}));
      const ExprId rounded = g.sequence(
          {g.optional(g.literal("-")), g.repeat(digit, 1, kNoLimit),
           range.decimals == 0
               ? g.empty()
               : g.optional(g.sequence({g.literal("."), g.repeat(digit, 1, range.decimals)}))});
      ASSIGN_OR_RETURN(const CharDfa short_ones, CharDfa::from_expr(g, rounded));
      ASSIGN_OR_RETURN(dfa, dfa->intersection(short_ones));
    }
    RETURN_IF_ERROR(g.status());
    results.push_back(
        dfa->to_expr(grammar, [&](const CharSet& set) { return grammar.chars(set); }));
  }
  return grammar.choice(results);
}

}  // namespace holdfast::grammar
