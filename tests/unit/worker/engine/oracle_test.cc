// SPDX-License-Identifier: Apache-2.0
// One training step of the engine against the float64 oracle: every kind of layer, activation and
// loss, both orders of propagation, borders and ties. Relative 1e-5 of each tensor's change
// (design.md 5), on inputs redrawn until no gate, margin or maximum is near its edge.
// And the oracle itself, under bp, against finite differences of its loss.
#include "worker/engine/oracle/oracle.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/unit/worker/engine/expect_oracle.h"
#include "tests/unit/worker/engine/harness.h"
#include "worker/engine/oracle/layers.h"
#include "worker/engine/oracle/networks.h"

namespace hebb::engine {
namespace {

class OracleTest : public testing::TestWithParam<OracleCase> {};

TEST_P(OracleTest, StepEqualsOracleUnderBothOrders) {
  for (const auto rule : {spec::Rule::kBp, spec::Rule::kFrfb, spec::Rule::kUrfb}) {
    for (const auto order : {spec::Propagate::kBeforeUpdate, spec::Propagate::kAfterUpdate}) {
      SCOPED_TRACE(testing::Message()
                   << "rule " << static_cast<int>(rule) << " order " << static_cast<int>(order));
      ExpectEqualsOracle(GetParam(), JobOf(GetParam(), rule, spec::Hinge{1.0}, order));
    }
  }
}

TEST_P(OracleTest, StepEqualsOracleUnderEveryLoss) {
  const std::vector<spec::Loss> losses = {spec::Hinge{10.0}, spec::CrossEntropy{},
                                          spec::BinaryCrossEntropy{}, spec::Squared{}};
  for (const spec::Loss& loss : losses) {
    SCOPED_TRACE(testing::Message() << "loss " << loss.index());
    ExpectEqualsOracle(GetParam(), JobOf(GetParam(), spec::Rule::kUrfb, loss));
  }
}

// The slope of the oracle's loss along single entries of every tensor that learns.
TEST_P(OracleTest, BackpropEqualsFiniteDifferences) {
  const OracleCase& c = GetParam();
  const absl::StatusOr<Scene> scene =
      DrawScene(c, JobOf(c, spec::Rule::kBp, spec::CrossEntropy{}), CreateEngineUnderTest, 1);
  ASSERT_TRUE(scene.ok()) << scene.status();
  const StepContext& context = scene->contexts[0];
  const std::vector<Sample>& samples = scene->images[0]->samples();
  constexpr double kStep = 1e-7;
  for (const auto& [tensor, update] : scene->expected[0].updates) {
    const double scale = LengthOf(update) / std::sqrt(static_cast<double>(update.size()));
    for (size_t i = 0; i < update.size(); i += 1 + update.size() / 7) {
      double& weight = scene->oracle->weights().at(tensor)[i];
      const double kept = weight;
      weight = kept + kStep;
      const double above = scene->oracle->Step(context, samples, kSceneSlices).loss;
      weight = kept - kStep;
      const double below = scene->oracle->Step(context, samples, kSceneSlices).loss;
      weight = kept;
      const double slope = (above - below) / (2 * kStep) / static_cast<double>(context.batch_size);
      EXPECT_NEAR(slope, update[i], 1e-5 * (scale + std::abs(update[i])) + 1e-7)
          << c.name << " " << tensor << " entry " << i;
    }
  }
}

// Fields of some tens: of 1 - sigmoid(40) float64 keeps no digit.
TEST(OracleLossTest, BinaryCrossEntropyOfLargeFields) {
  for (const auto activation : {spec::Activation::kNone, spec::Activation::kSigmoid}) {
    OracleCase c = {"large_fields", {Dense("out", 4, activation)}, {{3, 12, 12}, 4, 0, 0}};
    c.scale = 40;
    ExpectEqualsOracle(c, JobOf(c, spec::Rule::kUrfb, spec::BinaryCrossEntropy{}));
  }
}

INSTANTIATE_TEST_SUITE_P(Paper, OracleTest, testing::ValuesIn(PaperCases()),
                         [](const auto& test) { return test.param.name; });
INSTANTIATE_TEST_SUITE_P(Others, OracleTest, testing::ValuesIn(OtherCases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace hebb::engine
