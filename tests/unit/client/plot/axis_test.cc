// SPDX-License-Identifier: Apache-2.0
// Ticks are round, few, inside the range and told apart, for any range.
#include "client/plot/axis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace hebb::plot {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Labels(const Axis& axis) {
  std::vector<std::string> labels;
  for (const Tick& tick : axis.ticks) labels.push_back(tick.label);
  return labels;
}

TEST(LinearAxisTest, TicksAreRound) {
  EXPECT_THAT(Labels(LinearAxis(0, 1, 6, true)),
              ElementsAre("0", "0.2", "0.4", "0.6", "0.8", "1.0"));
  EXPECT_THAT(Labels(LinearAxis(-3, 17, 6, false)), ElementsAre("0", "5", "10", "15"));
  EXPECT_THAT(Labels(LinearAxis(-3, 17, 6, true)), ElementsAre("-5", "0", "5", "10", "15", "20"));
  EXPECT_THAT(Labels(LinearAxis(0, 2e9, 5, false)),
              ElementsAre("0", "5e8", "1.0e9", "1.5e9", "2.0e9"));
  EXPECT_THAT(Labels(LinearAxis(0, 3e-7, 4, false)), ElementsAre("0", "1e-7", "2e-7", "3e-7"));
}

TEST(LinearAxisTest, RoundingOutHoldsTheRange) {
  const Axis axis = LinearAxis(0.13, 0.87, 5, true);
  EXPECT_EQ(axis.low, 0);
  EXPECT_EQ(axis.high, 1);
  EXPECT_DOUBLE_EQ(axis.Fraction(0.25), 0.25);
  EXPECT_EQ(axis.Fraction(-1), 0);
  EXPECT_EQ(axis.Fraction(2), 1);
  EXPECT_EQ(LinearAxis(0.13, 0.87, 5, false).low, 0.13);
}

TEST(AxisTest, AnyRangeHasFewTicksToldApart) {
  const double values[] = {-1e300, -7e15, -1,        -1e-300, 0,   1e-300,
                           4e-9,   1,     1 + 1e-12, 3,       8e9, 1e300};
  for (const double low : values) {
    for (const double high : values) {
      if (low > high) continue;
      for (const bool log : {false, true}) {
        if (log && low <= 0) continue;
        const Axis axis = log ? LogAxis(low, high, 6) : LinearAxis(low, high, 6, true);
        EXPECT_LE(axis.low, low);
        EXPECT_GE(axis.high, high);
        EXPECT_LT(axis.low, axis.high);
        const std::vector<std::string> labels = Labels(axis);
        EXPECT_GE(labels.size(), 2u) << low << " " << high << " " << log;
        EXPECT_LE(labels.size(), 8u) << low << " " << high << " " << log;
        EXPECT_EQ(std::set<std::string>(labels.begin(), labels.end()).size(), labels.size())
            << low << " " << high << " " << log << " " << labels[0];
        EXPECT_GE(axis.ticks.front().value, axis.low);
        EXPECT_LE(axis.ticks.back().value, axis.high);
      }
    }
  }
}

TEST(LogAxisTest, TicksAreDecadesOrPartsOfThem) {
  EXPECT_THAT(Labels(LogAxis(2e-5, 0.8, 8)),
              ElementsAre("1e-5", "1e-4", "0.001", "0.01", "0.1", "1"));
  EXPECT_THAT(Labels(LogAxis(1e-12, 1, 5)), ElementsAre("1e-12", "1e-9", "1e-6", "0.001", "1"));
  EXPECT_THAT(Labels(LogAxis(1e-14, 1, 6)), ElementsAre("1e-12", "1e-9", "1e-6", "0.001", "1"))
      << "1 is a tick";
  EXPECT_THAT(Labels(LogAxis(0.3, 15, 8)), ElementsAre("0.2", "0.5", "1", "2", "5", "10", "20"));
  EXPECT_THAT(Labels(LogAxis(0.30, 0.33, 4)), ElementsAre("0.30", "0.31", "0.32", "0.33"));
}

TEST(LogAxisTest, DecadesAreEvenlySpaced) {
  const Axis axis = LogAxis(1e-4, 1, 8);
  EXPECT_NEAR(axis.Fraction(1e-3), 0.25, 1e-12);
  EXPECT_NEAR(axis.Fraction(0.1), 0.75, 1e-12);
  EXPECT_EQ(axis.Fraction(0), 0);
}

}  // namespace
}  // namespace hebb::plot
