// Regular expressions, as expressions of a grammar.
#pragma once

#include <string_view>

#include "base/result.h"
#include "grammar/grammar.h"

namespace holdfast::grammar {

enum class RegexDialect {
  kPython,      // Python's re with re.ASCII
  kEcmaScript,  // ECMA-262 with the u flag, as JSON Schema's patterns are
};

// The texts that match `pattern`: as a whole, or, with `search`, somewhere within them. Refuses by
// name what is not regular (backreferences, look-around) and what is not done (word boundaries,
// flags, \p, anchors in the middle); where: the byte of the pattern.
Result<ExprId> parse_regex(Grammar& grammar, std::string_view pattern, RegexDialect dialect,
                           bool search);

}  // namespace holdfast::grammar
