// SPDX-License-Identifier: Apache-2.0
// The curve's lowest and highest blocks stand for the lowest and highest values, whatever they are.
#include "client/sparkline.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace hebb::client {
namespace {

TEST(SparklineTest, SpansFromTheLowestToTheHighestBlock) {
  EXPECT_EQ(Sparkline({8, 7, 6, 5, 4, 3, 2, 1}, 8), "█▇▆▅▄▃▂▁");
  EXPECT_EQ(Sparkline({-1, 1, 0}, 10), "▁█▅");
}

TEST(SparklineTest, AveragesNeighboursWhereColumnsAreFew) {
  EXPECT_EQ(Sparkline({0, 2, 6, 8}, 2), "▁█");
  EXPECT_EQ(Sparkline({0, 10, 5, 5, 9, 11}, 3), "▁▁█");
  EXPECT_EQ(Sparkline({1, 2, 3, 4, 5}, 2), "▁█");  // columns of two and of three
}

TEST(SparklineTest, AFlatCurveIsLow) { EXPECT_EQ(Sparkline({3, 3, 3}, 5), "▁▁▁"); }

TEST(SparklineTest, LeavesOutWhatIsNotFinite) {
  const double nan = std::nan("");
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Sparkline({1, nan, 2, infinity}, 5), "▁█");
  EXPECT_EQ(Sparkline({nan}, 5), "");
  EXPECT_EQ(Sparkline({}, 5), "");
  EXPECT_EQ(Sparkline({1, 2}, 0), "");
}

TEST(SparklineTest, TakesTheLargestNumbers) {
  const double most = std::numeric_limits<double>::max();
  EXPECT_EQ(Sparkline({-most, most}, 2), "▁█");
  EXPECT_EQ(Sparkline({-most, -most, most, most}, 2), "▁█");
}

}  // namespace
}  // namespace hebb::client
