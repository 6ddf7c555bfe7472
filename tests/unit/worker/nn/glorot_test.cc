// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/glorot.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace hebb::nn {
namespace {

TEST(GlorotTest, FillsTheLimitsUniformly) {
  std::vector<float> values(100000);
  GlorotUniform(RandomStream(1, RandomPurpose::kWeight, 0, 0, 0), 75, 800, values);
  const double limit = std::sqrt(6.0 / 875);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  EXPECT_GE(*low, -limit);
  EXPECT_LE(*high, limit);
  EXPECT_NEAR(*low, -limit, 1e-4);
  EXPECT_NEAR(*high, limit, 1e-4);
  double sum = 0, squares = 0;
  for (float value : values) {
    sum += value;
    squares += double{value} * value;
  }
  EXPECT_NEAR(sum / values.size(), 0, 0.01 * limit);
  EXPECT_NEAR(squares / values.size(), limit * limit / 3, 0.01 * limit * limit);
}

TEST(GlorotTest, AnEntryDependsOnItsIndexOnly) {
  const RandomStream stream(1, RandomPurpose::kFeedback, 3, 0, 0);
  std::vector<float> few(7), many(50);
  GlorotUniform(stream, 4, 4, few);
  GlorotUniform(stream, 4, 4, many);
  EXPECT_TRUE(std::equal(few.begin(), few.end(), many.begin()));
}

}  // namespace
}  // namespace hebb::nn
