// SPDX-License-Identifier: Apache-2.0
// Against published values: the t table, and an interval worked out by hand.
#include "common/sweep/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>

namespace hebb::sweep {
namespace {

TEST(StatisticsTest, StudentTIsAsInTheTables) {
  // Two-sided, 95 %.
  const std::pair<int, double> known[] = {
      {1, 12.706205}, {2, 4.302653},  {3, 3.182446},  {4, 2.776445},   {5, 2.570582},
      {9, 2.262157},  {10, 2.228139}, {30, 2.042272}, {120, 1.979930}, {999, 1.962341}};
  for (const auto& [degrees, t] : known) EXPECT_NEAR(StudentT95(degrees), t, 1e-6) << degrees;
}

TEST(StatisticsTest, AnIntervalIsTTimesTheErrorOfTheMean) {
  // Sample deviation 1, three values: 4.302653 / sqrt(3).
  const Estimate estimate = EstimateMean({1, 2, 3});
  EXPECT_EQ(estimate.n, 3);
  EXPECT_DOUBLE_EQ(estimate.mean, 2);
  ASSERT_TRUE(estimate.half_width.has_value());
  EXPECT_NEAR(*estimate.half_width, 2.484138, 1e-6);
}

TEST(StatisticsTest, EqualValuesHaveAnIntervalOfNothing) {
  EXPECT_EQ(EstimateMean({0.5, 0.5}).half_width, 0);
}

TEST(StatisticsTest, OneValueHasNoIntervalAndNoneNoMean) {
  EXPECT_EQ(EstimateMean({0.25}).mean, 0.25);
  EXPECT_EQ(EstimateMean({0.25}).half_width, std::nullopt);
  EXPECT_EQ(EstimateMean({}).n, 0);
  EXPECT_TRUE(std::isnan(EstimateMean({}).mean));
}

}  // namespace
}  // namespace hebb::sweep
