// SPDX-License-Identifier: Apache-2.0
// Starts have the deviations asked for, and depend on their seed and place alone.
#include "client/theory/start.h"

#include <gtest/gtest.h>

#include <cmath>

namespace hebb::theory {
namespace {

void ExpectNormal(const Matrix& matrix, double deviation) {
  const double root = std::sqrt(static_cast<double>(matrix.size()));
  EXPECT_NEAR(matrix.mean(), 0, 4 * deviation / root);
  EXPECT_NEAR(matrix.norm() / root, deviation, 3 * deviation / root);
  // Of a normal variable 31.7 % lie beyond one deviation.
  EXPECT_NEAR((matrix.array().abs() > deviation).cast<double>().mean(), .317, 2 / root);
}

TEST(RandomProblemTest, EntriesAreNormal) {
  const Problem p = RandomProblem({60, 51, 31}, {.05, 3, .2}, 1);
  ASSERT_EQ(p.start.w.size(), 2u);
  EXPECT_EQ(p.start.w[0].rows(), 51);
  EXPECT_EQ(p.start.w[0].cols(), 60);
  EXPECT_EQ(p.start.r[0].size(), 0);
  EXPECT_EQ(p.start.r[1].rows(), 51);
  EXPECT_EQ(p.start.r[1].cols(), 31);
  ExpectNormal(p.start.w[0], .05);
  ExpectNormal(p.start.w[1], .05);
  ExpectNormal(p.start.r[1], 3);
  ExpectNormal(p.target, .2);
}

TEST(RandomProblemTest, OnlyTheFeedbackDependsOnItsDeviation) {
  const Problem a = RandomProblem({4, 3, 3, 2}, {.1, .1, .1}, 5);
  const Problem b = RandomProblem({4, 3, 3, 2}, {.1, .2, .1}, 5);
  EXPECT_EQ(a.start.w, b.start.w);
  EXPECT_EQ(a.target, b.target);
  EXPECT_TRUE(b.start.r[2].isApprox(2 * a.start.r[2]));
}

TEST(RandomProblemTest, SeedsAndLayersDiffer) {
  const Problem a = RandomProblem({3, 3, 3, 3}, {1, 1, 1}, 5);
  const Problem b = RandomProblem({3, 3, 3, 3}, {1, 1, 1}, 6);
  EXPECT_NE(a.start.w[0], b.start.w[0]);
  EXPECT_NE(a.start.w[0], a.start.w[1]);
  EXPECT_NE(a.start.w[0], a.target);
  EXPECT_NE(a.start.w[1], a.start.r[1]);
  EXPECT_EQ(a.start.w, RandomProblem({3, 3, 3, 3}, {1, 1, 1}, 5).start.w);
}

TEST(RandomProblemTest, KeepsItsNumbers) {
  const Problem p = RandomProblem({2, 1, 1}, {1, 1, 1}, 1);
  EXPECT_NEAR(p.start.w[0](0, 0), -0.347403577224983, 1e-12);
  EXPECT_NEAR(p.start.r[1](0, 0), 0.413525521893486, 1e-12);
  EXPECT_NEAR(p.target(0, 1), 0.0349234945542946, 1e-12);
}

}  // namespace
}  // namespace hebb::theory
