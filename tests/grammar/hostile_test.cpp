// Whatever somebody sends is compiled or refused within bounds of work and memory. The bounds are
// counts; `grammar_check --hostile` measures that they keep below 100 ms and 64 MiB.
#include <gtest/gtest.h>

#include "grammar_fixture.h"
#include "hostile_inputs.h"

namespace holdfast::grammar {
namespace {

TEST(Hostile, EndsWithAnAnswerOrAnError) {
  for (const Hostile& input : hostile_inputs()) {
    SCOPED_TRACE(input.name);
    const auto constraint = make_constraint(input.notation, input.text);
    if (!constraint) {
      EXPECT_FALSE(constraint.error().message.empty());
      EXPECT_NE(constraint.error().code, Code::kInternal) << to_string(constraint.error());
      continue;
    }
    // What is taken can be followed, or ends with an error of its own; never without a bound.
    Matcher matcher(*constraint, ConstraintStart::kNow);
    for (int i = 0; i < 200 && !matcher.complete(); ++i) {
      const auto mask = matcher.mask();
      if (!mask) {
        EXPECT_EQ(mask.error().code, Code::kResourceExhausted);
        break;
      }
      int32_t token = 0;
      while (!allows(**mask, token)) ++token;
      if (token == (*constraint)->tokens().ends()[0] || !matcher.accept(token)) break;
    }
    EXPECT_LT((*constraint)->memory_bytes(), 64 << 20);
  }
}

}  // namespace
}  // namespace holdfast::grammar
