// SPDX-License-Identifier: Apache-2.0
// Losses and their derivatives at known points (paper.md 2).
#include "worker/nn/loss.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace hebb::nn {
namespace {

using testing::ElementsAre;
using testing::FloatEq;

struct Result {
  LossTotals totals;
  std::vector<float> delta;
};

Result Compute(const spec::Loss& loss, const std::vector<float>& outputs, int32_t label,
               int64_t batch_size = 1) {
  Result result;
  result.delta.resize(outputs.size());
  result.totals = ComputeLoss(loss, static_cast<int64_t>(outputs.size()), {&label, 1}, batch_size,
                              outputs.data(), result.delta.data());
  return result;
}

// The three values that make the last layer's update Hebbian: -1, m/(C-1), 0.
TEST(LossTest, HingeDerivativeTakesThreeValues) {
  const Result inside = Compute(spec::Hinge{1}, {0.5f, -0.5f, 3, -2}, 0);
  EXPECT_THAT(inside.delta, ElementsAre(-1, FloatEq(1.0f / 3), FloatEq(1.0f / 3), 0));
  EXPECT_FLOAT_EQ(inside.totals.loss, 0.5 + (0.5 + 4) / 3);
  const Result beyond = Compute(spec::Hinge{10}, {1.5f, -0.5f, 3, -2}, 0);
  EXPECT_THAT(beyond.delta, ElementsAre(0, FloatEq(10.0f / 3), FloatEq(10.0f / 3), 0));
}

TEST(LossTest, HingeIsSatisfiedExactlyOnTheMargin) {
  EXPECT_THAT(Compute(spec::Hinge{1}, {1, -1}, 0).delta, ElementsAre(0, 0));
}

TEST(LossTest, GradientHoldsTheGlobalBatchAndLossDoesNot) {
  const Result one = Compute(spec::Squared{}, {3, 0}, 0),
               many = Compute(spec::Squared{}, {3, 0}, 0, 8);
  EXPECT_THAT(one.delta, ElementsAre(4, 2));
  EXPECT_THAT(many.delta, ElementsAre(0.5, 0.25));
  EXPECT_EQ(one.totals.loss, 5);
  EXPECT_EQ(many.totals.loss, 5);
}

TEST(LossTest, CrossEntropyIsStableForLargeOutputs) {
  const Result result = Compute(spec::CrossEntropy{}, {1000, 0, -1000}, 1);
  EXPECT_EQ(result.totals.loss, 1000);
  EXPECT_THAT(result.delta, ElementsAre(1, -1, 0));
  EXPECT_NEAR(Compute(spec::CrossEntropy{}, {0, 0, 0, 0}, 2).totals.loss, std::log(4), 1e-12);
}

TEST(LossTest, BinaryCrossEntropyTakesFieldsAndIsStable) {
  const Result middle = Compute(spec::BinaryCrossEntropy{}, {0, 0}, 1);
  EXPECT_NEAR(middle.totals.loss, 2 * std::log(2), 1e-12);
  EXPECT_THAT(middle.delta, ElementsAre(0.5, -0.5));
  const Result wrong = Compute(spec::BinaryCrossEntropy{}, {500, -500}, 1);
  EXPECT_EQ(wrong.totals.loss, 1000);
  EXPECT_THAT(wrong.delta, ElementsAre(1, -1));
  const Result right = Compute(spec::BinaryCrossEntropy{}, {-500, 500}, 1);
  EXPECT_NEAR(right.totals.loss, 0, 1e-100);
  EXPECT_NEAR(right.delta[0], 0, 1e-30);
}

TEST(LossTest, CountsTheFirstOfEqualOutputsAsTheAnswer) {
  EXPECT_EQ(Compute(spec::Hinge{1}, {2, 2, 1}, 0).totals.correct, 1);
  EXPECT_EQ(Compute(spec::Hinge{1}, {2, 2, 1}, 1).totals.correct, 0);
}

TEST(LossTest, NotANumberReachesTheLoss) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<spec::Loss> losses = {spec::Hinge{1}, spec::CrossEntropy{},
                                          spec::BinaryCrossEntropy{}, spec::Squared{}};
  for (const spec::Loss& loss : losses) {
    for (size_t place = 0; place < 3; ++place) {
      std::vector<float> outputs = {1, 2, 3};
      outputs[place] = nan;
      EXPECT_FALSE(std::isfinite(Compute(loss, outputs, 1).totals.loss)) << loss.index();
    }
  }
}

}  // namespace
}  // namespace hebb::nn
