#include "engine/fair_share.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(FairShare, ChargesByWeight) {
  FairShare fair;
  auto& a = fair.arrive("a", 1);
  auto& b = fair.arrive("b", 4);
  FairShare::charge(a, 100);
  FairShare::charge(b, 100);
  EXPECT_EQ(a.counter, 100);
  EXPECT_EQ(b.counter, 25);
}

TEST(FairShare, WhoComesBackStartsWhereTheLineIs) {
  FairShare fair;
  auto& a = fair.arrive("a", 1);
  auto& b = fair.arrive("b", 1);
  fair.start(b);
  fair.leave(b, false);  // b has had nothing
  for (int i = 0; i < 3; ++i) {
    fair.arrive("a", 1);
    FairShare::charge(a, 1000);
    fair.start(a);
  }
  auto& again = fair.arrive("b", 1);
  EXPECT_EQ(again.counter, a.counter);
}

TEST(FairShare, ADebtOutlastsAShortAbsence) {
  FairShare fair;
  auto& a = fair.arrive("a", 1);
  auto& b = fair.arrive("b", 1);
  fair.start(a);
  FairShare::charge(a, 500);
  fair.leave(a, false);
  EXPECT_EQ(fair.arrive("a", 1).counter, 500);  // b still waits at 0
  EXPECT_EQ(b.counter, 0);
}

TEST(FairShare, ForgetsWhoIsGone) {
  FairShare fair;
  for (int i = 0; i < 1000; ++i) {
    auto& account = fair.arrive("tenant " + std::to_string(i), 1);
    fair.start(account);
    FairShare::charge(account, i);
    fair.leave(account, false);
    EXPECT_EQ(fair.size(), 0u);
  }
}

TEST(FairShare, AWaitingOneThatLeavesIsNotCounted) {
  FairShare fair;
  auto& a = fair.arrive("a", 1);
  auto& b = fair.arrive("b", 1);
  FairShare::charge(b, 100);
  fair.leave(a, true);
  auto& c = fair.arrive("c", 1);
  EXPECT_EQ(c.counter, 100);  // b alone waits
}

}  // namespace
}  // namespace holdfast
