#include "engine/step_cost.h"

#include <random>

#include <gtest/gtest.h>

namespace holdfast {
namespace {

double truth(int64_t rows, int64_t attended) {
  return 0.03 + 0.0015 * static_cast<double>(rows) + 2e-7 * static_cast<double>(attended);
}

TEST(StepCost, LearnsALineThroughNoise) {
  StepCost cost;
  EXPECT_FALSE(cost.known());
  std::mt19937 random(1);
  std::uniform_real_distribution<double> noise(0.9, 1.1);
  for (int i = 0; i < 3000; ++i) {
    const int64_t rows = 1 + random() % (i % 4 == 0 ? 400 : 16);
    const int64_t attended = rows * static_cast<int64_t>(random() % 4000);
    cost.learn(rows, attended, truth(rows, attended) * noise(random));
  }
  for (const int64_t rows : {1, 8, 100, 300}) {
    const int64_t attended = rows * 2000;
    const double want = truth(rows, attended);
    EXPECT_NEAR(cost.predict(static_cast<double>(rows), static_cast<double>(attended)), want,
                0.15 * want)
        << rows;
  }
}

TEST(StepCost, KnowsAfterOneStepMoreOrLess) {
  StepCost cost;
  cost.learn(64, 64 * 32, 0.1);
  ASSERT_TRUE(cost.known());
  EXPECT_NEAR(cost.predict(64, 64 * 32), 0.1, 0.001);
  EXPECT_GT(cost.rows_within(0.1, 32), 0);
}

TEST(StepCost, HoursOfDecodingDoNotWashOutWhatIsKnownOfPrompts) {
  StepCost cost;
  for (int i = 0; i < 50; ++i) cost.learn(256, 256 * 200, truth(256, 256 * 200));
  for (int i = 0; i < 100000; ++i) cost.learn(4, 4 * 200, truth(4, 4 * 200));
  EXPECT_NEAR(cost.predict(256, 256 * 200), truth(256, 256 * 200), 0.01);
}

TEST(StepCost, AMomentOfStandstillChangesLittleALastingOneMuch) {
  StepCost cost;
  for (int i = 0; i < 50; ++i) cost.learn(8, 800, 0.05);
  cost.learn(8, 800, 60.0);
  EXPECT_LT(cost.predict(8, 800), 0.07);
  for (int i = 0; i < 100; ++i) cost.learn(8, 800, 0.5);
  EXPECT_NEAR(cost.predict(8, 800), 0.5, 0.05);
}

TEST(StepCost, NoCoefficientFallsBelowZero) {
  StepCost cost;
  std::mt19937 random(3);
  for (int i = 0; i < 1000; ++i) {
    // Longer steps that take less: no line with a rise fits.
    const int64_t rows = 1 + random() % 500;
    cost.learn(rows, rows * static_cast<int64_t>(random() % 100), 1.0 / static_cast<double>(rows));
    ASSERT_GE(cost.step(), 0);
    ASSERT_GE(cost.row(), 0);
    ASSERT_GE(cost.attended(), 0);
  }
  cost.learn(0, 0, 1.0);
  cost.learn(1, 1, -1.0);
}

TEST(StepCost, RowsWithinAgreesWithPredict) {
  StepCost cost;
  for (int i = 0; i < 20; ++i) {
    for (const int64_t rows : {1, 10, 100, 500}) {
      for (const int64_t depth : {10, 3000})
        cost.learn(rows, rows * depth, truth(rows, rows * depth));
    }
  }
  for (const int64_t cached : {0, 500, 5000}) {
    const int64_t rows = cost.rows_within(0.3, cached);
    const auto attended = static_cast<double>(rows * (cached + 1) + rows * (rows - 1) / 2);
    const double seconds = cost.predict(static_cast<double>(rows), attended) - cost.step();
    EXPECT_NEAR(seconds, 0.3, 0.01) << cached;
  }
  EXPECT_EQ(cost.rows_within(-1, 5), 0);
}

}  // namespace
}  // namespace holdfast
