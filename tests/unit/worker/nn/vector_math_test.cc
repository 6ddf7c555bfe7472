// SPDX-License-Identifier: Apache-2.0
// The fast functions against the C library's double precision ones.
#include "worker/nn/vector_math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace hebb::nn {
namespace {

constexpr double kRelative = 4 * 0x1p-24;

TEST(VectorMathTest, ExpIsAccurateOverItsRange) {
  for (float x = -86.9f; x < 87; x += 0.00371f) {
    const double expected = std::exp(double{x});
    ASSERT_NEAR(FastExp(x), expected, kRelative * expected) << x;
  }
  EXPECT_EQ(FastExp(0), 1);
  EXPECT_TRUE(std::isfinite(FastExp(1000)));
  EXPECT_GE(FastExp(-1000), 0);
}

TEST(VectorMathTest, TanhIsAccurateAlsoNearZeroAndFarOut) {
  for (float x = -12; x < 12; x += 0.000371f) {
    const double expected = std::tanh(double{x});
    ASSERT_NEAR(FastTanh(x), expected, kRelative * std::abs(expected)) << x;
  }
  EXPECT_EQ(FastTanh(0), 0);
  EXPECT_EQ(FastTanh(1e-20f), 1e-20f);
  EXPECT_EQ(FastTanh(1e20f), 1);
  EXPECT_EQ(FastTanh(-1e20f), -1);
}

TEST(VectorMathTest, SigmoidIsAccurate) {
  for (float x = -80; x < 80; x += 0.00371f) {
    const double expected = 1 / (1 + std::exp(-double{x}));
    ASSERT_NEAR(FastSigmoid(x), expected, 2 * kRelative * expected) << x;
  }
}

TEST(VectorMathTest, NotANumberStaysOne) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(FastExp(nan)));
  EXPECT_TRUE(std::isnan(FastTanh(nan)));
  EXPECT_TRUE(std::isnan(FastSigmoid(nan)));
}

}  // namespace
}  // namespace hebb::nn
