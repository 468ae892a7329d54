#include "base/error.h"

#include <gtest/gtest.h>

#include "base/result.h"

namespace holdfast {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return fail(Code::kInvalidArgument, "odd", "value", "pass an even number");
  return value / 2;
}

Result<int> quarter(int value) {
  ASSIGN_OR_RETURN(const int first, half(value));
  return half(first);
}

TEST(Result, PassesErrorsOn) {
  EXPECT_EQ(quarter(8).value(), 2);
  ASSERT_FALSE(quarter(6).has_value());
  EXPECT_EQ(to_string(quarter(6).error()), "odd (value). pass an even number");
}

TEST(CodeInfo, EveryCodeHasARow) {
  EXPECT_EQ(code_info(Code::kInvalidArgument).http_status, 400);
  EXPECT_EQ(code_info(Code::kInternal).name, "internal");
}

}  // namespace
}  // namespace holdfast
