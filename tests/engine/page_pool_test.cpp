#include "engine/page_pool.h"

#include <set>

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(PagePool, GivesEachPageOnceAndTakesItBack) {
  PagePool pool(5);
  std::set<int32_t> pages;
  for (int i = 0; i < 5; ++i) pages.insert(pool.allocate().value());
  EXPECT_EQ(pages, (std::set<int32_t>{0, 1, 2, 3, 4}));
  EXPECT_FALSE(pool.allocate().has_value());
  pool.retain(3);
  EXPECT_EQ(pool.release(3), 1);
  EXPECT_EQ(pool.free(), 0);
  EXPECT_EQ(pool.release(3), 0);
  EXPECT_EQ(pool.free(), 1);
  EXPECT_EQ(pool.allocate(), 3);
}

TEST(PagePoolDeathTest, AReleaseTooMuchIsOurMistake) {
  PagePool pool(1);
  EXPECT_DEATH(pool.release(0), "free already");
}

}  // namespace
}  // namespace holdfast
