// Takes ^ and $ out of a parsed regular expression.
#pragma once

#include "base/result.h"
#include "grammar/grammar.h"

namespace holdfast::grammar {

// `search`: where no anchor stands at an end, any text may. unimplemented for anchors elsewhere.
Result<ExprId> resolve_anchors(Grammar& grammar, ExprId regex, bool search);

}  // namespace holdfast::grammar
