// SPDX-License-Identifier: Apache-2.0
// One training step of the engine against the float64 oracle: every kind of layer, activation,
// rule and loss, both orders of propagation, borders and ties. Relative 1e-5 of each tensor's
// change (design.md 5), on inputs redrawn until no gate, margin or maximum is near its edge.
// And the oracle itself, under bp, against finite differences of its loss.
#include "tests/unit/worker/engine/oracle.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/worker/engine/harness.h"

namespace hebb::engine {
namespace {

using spec::Activation;
using spec::Padding;
using spec::Ties;

constexpr int64_t kRows = 5;
constexpr double kEdge = 1e-5;
constexpr double kTolerance = 1e-5;

struct Case {
  std::string name;
  std::vector<spec::Layer> layers;
  spec::DatasetFacts facts = {{2, 7, 7}, 4, 0, 0};
  float scale = 3;  // of the initial weights: units are to saturate
};

std::vector<spec::Layer> Plain(Activation hidden, Activation last = Activation::kNone) {
  return {Conv("c", 5, 3, hidden), Pool("p", 2, 2), Dense("d", 6, hidden), Dense("out", 4, last)};
}

std::vector<spec::Layer> Pooled(int64_t size, int64_t stride, Ties ties) {
  return {Conv("c", 6, 3), Pool("p", size, stride, ties), Conv("e", 5, 3),
          Pool("q", size, stride, ties), Dense("out", 4, Activation::kNone)};
}

std::vector<spec::Layer> Residual() {
  return {Conv("a", 6, 3),
          Conv("b", 6, 3),
          AddOf("s", {"a", "b"}),
          Pool("p", 3, 2),
          Drop("drop", 0.4),
          Conv("e", 6, 2),
          Conv("f", 6, 2),
          AddOf("t", {"e", "f", "drop"}),
          Dense("d", 9),
          Drop("drop2", 0.3),
          Dense("out", 4, Activation::kNone)};
}

std::vector<Case> Cases() {
  return {
      {"ramp", Plain(Activation::kRamp)},
      {"tanh", Plain(Activation::kTanh)},
      {"relu", Plain(Activation::kRelu)},
      {"sigmoid", Plain(Activation::kSigmoid)},
      {"linear", Plain(Activation::kNone)},
      {"last_ramp", Plain(Activation::kRamp, Activation::kRamp)},
      {"last_sigmoid", Plain(Activation::kRamp, Activation::kSigmoid)},
      {"last_tanh", Plain(Activation::kTanh, Activation::kTanh)},
      {"even_kernels", {Conv("a", 4, 2), Conv("b", 17, 4), Dense("out", 4, Activation::kNone)}},
      {"valid",
       {Conv("a", 4, 3, Activation::kRamp, Padding::kValid),
        Conv("b", 3, 2, Activation::kRamp, Padding::kValid), Dense("out", 4, Activation::kNone)}},
      {"kernels_5_and_1", {Conv("a", 16, 5), Conv("b", 20, 1), Dense("out", 4, Activation::kNone)}},
      {"pool_3_2", Pooled(3, 2, Ties::kAll)},
      {"pool_3_2_first", Pooled(3, 2, Ties::kFirst)},
      {"pool_2_2", Pooled(2, 2, Ties::kAll)},
      {"pool_2_2_first", Pooled(2, 2, Ties::kFirst)},
      {"pool_3_3", Pooled(3, 3, Ties::kAll), {{2, 8, 8}, 4, 0, 0}},
      {"pool_3_3_first", Pooled(3, 3, Ties::kFirst), {{1, 9, 9}, 4, 0, 0}},
      {"pool_3_1", Pooled(3, 1, Ties::kAll)},
      {"pool_first_layer",
       {Pool("p", 3, 2), Drop("drop", 0.5), Dense("out", 4, Activation::kNone)}},
      {"pool_after_dropout",
       {Conv("c", 6, 3), Drop("drop", 0.5), Pool("p", 2, 2), Dense("out", 4, Activation::kNone)}},
      {"residual", Residual()},
      {"residual_13", Residual(), {{3, 13, 13}, 4, 0, 0}},
      {"add_image_and_twice",
       {Conv("c", 2, 3), AddOf("s", {"input", "c", "c"}), Conv("e", 2, 3), AddOf("t", {"s", "e"}),
        Reading(Conv("f", 2, 3), "s"), AddOf("u", {"f", "t", "c"}),
        Dense("out", 4, Activation::kNone)}},
      {"dense_only", {Dense("a", 30), Dense("b", 20), Dense("out", 4, Activation::kNone)}},
      {"one_layer", {Dense("out", 4, Activation::kNone)}},
  };
}

double Norm(const Doubles& values) {
  double sum = 0;
  for (double value : values) sum += value * value;
  return std::sqrt(sum);
}

spec::Job JobOf(const Case& c, spec::Rule rule, spec::Loss loss, spec::Propagate propagate) {
  spec::Job job;
  job.seed = 7;
  job.dataset.name = "cifar10";
  job.network.layers = c.layers;
  job.learning.rule = rule;
  job.learning.loss = loss;
  job.learning.propagate = propagate;
  // A large step: its change must not drown in the rounding of W itself.
  job.learning.optimizer = {1.0, 0.5};
  return job;
}

// A case at hand: an engine, its oracle, and a batch far from every edge.
struct Scene {
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Oracle> oracle;
  std::unique_ptr<RandomImages> images;
  StepContext context;
  OracleStep expected;
};

Scene Draw(const Case& c, spec::Job job) {
  Scene scene;
  for (uint64_t seed = 1; seed < 60; ++seed) {
    job.seed = seed;
    EngineSetup setup{job, c.facts, 2, 3, 64};
    scene.engine = MakeEngine(setup);
    ScaleWeights(*scene.engine, c.scale);
    scene.oracle = std::make_unique<Oracle>(job, c.facts);
    scene.oracle->SetWeights(scene.engine->Export());
    scene.images = std::make_unique<RandomImages>(c.facts, kRows, seed);
    scene.context = {seed, 3, kRows + 2};  // other ranks hold two rows more
    scene.expected = scene.oracle->Step(scene.context, scene.images->samples());
    if (scene.expected.edge > kEdge) return scene;
  }
  ADD_FAILURE() << c.name << ": no draw is far from every edge";
  return scene;
}

void ExpectStepEqualsOracle(const Case& c, const spec::Job& job) {
  Scene scene = Draw(c, job);
  const auto before = TensorsOf(*scene.engine);
  const StepResult step = RunStep(*scene.engine, scene.context, scene.images->samples(), 3);
  ASSERT_TRUE(step.status.ok()) << step.status;
  EXPECT_NEAR(step.loss, scene.expected.loss, 1e-5 * (1 + std::abs(scene.expected.loss)));
  EXPECT_EQ(step.correct, scene.expected.correct);
  const auto after = TensorsOf(*scene.engine);
  ASSERT_EQ(after.size(), scene.expected.after.size());
  for (const auto& [name, values] : after) {
    const Doubles& old = scene.oracle->weights().at(name);
    const Doubles& wanted = scene.expected.after.at(name);
    Doubles change(values.size()), error(values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      change[i] = wanted[i] - old[i];
      error[i] = (double{values[i]} - before.at(name)[i]) - change[i];
    }
    EXPECT_LE(Norm(error), kTolerance * Norm(change)) << c.name << " " << name;
  }
}

class OracleTest : public testing::TestWithParam<Case> {};

TEST_P(OracleTest, StepEqualsOracleUnderEveryRuleAndOrder) {
  for (const auto rule : {spec::Rule::kBp, spec::Rule::kFrfb, spec::Rule::kUrfb}) {
    for (const auto order : {spec::Propagate::kBeforeUpdate, spec::Propagate::kAfterUpdate}) {
      SCOPED_TRACE(testing::Message()
                   << "rule " << static_cast<int>(rule) << " order " << static_cast<int>(order));
      ExpectStepEqualsOracle(GetParam(), JobOf(GetParam(), rule, spec::Hinge{1.0}, order));
    }
  }
}

TEST_P(OracleTest, StepEqualsOracleUnderEveryLoss) {
  const std::vector<spec::Loss> losses = {spec::Hinge{10.0}, spec::CrossEntropy{},
                                          spec::BinaryCrossEntropy{}, spec::Squared{}};
  for (const spec::Loss& loss : losses) {
    SCOPED_TRACE(testing::Message() << "loss " << loss.index());
    ExpectStepEqualsOracle(
        GetParam(), JobOf(GetParam(), spec::Rule::kUrfb, loss, spec::Propagate::kBeforeUpdate));
  }
}

// The slope of the oracle's loss along single weights of every tensor.
TEST_P(OracleTest, BackpropEqualsFiniteDifferences) {
  const Case& c = GetParam();
  const spec::Job job =
      JobOf(c, spec::Rule::kBp, spec::CrossEntropy{}, spec::Propagate::kBeforeUpdate);
  const Scene scene = Draw(c, job);
  constexpr double kStep = 1e-7;
  for (const auto& [layer, update] : scene.expected.updates) {
    const double scale = Norm(update) / std::sqrt(static_cast<double>(update.size()));
    for (size_t i = 0; i < update.size(); i += 1 + update.size() / 7) {
      double& weight = scene.oracle->weights().at(layer + ".weight")[i];
      const double kept = weight;
      weight = kept + kStep;
      const double above = scene.oracle->Step(scene.context, scene.images->samples()).loss;
      weight = kept - kStep;
      const double below = scene.oracle->Step(scene.context, scene.images->samples()).loss;
      weight = kept;
      const double slope =
          (above - below) / (2 * kStep) / static_cast<double>(scene.context.batch_size);
      EXPECT_NEAR(slope, update[i], 1e-5 * (scale + std::abs(update[i])) + 1e-7)
          << c.name << " " << layer << " weight " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, OracleTest, testing::ValuesIn(Cases()),
                         [](const auto& test) { return test.param.name; });

TEST(OracleNormalizeTest, SignedImagesEqualOracle) {
  const Case c = {"signed", Plain(Activation::kRamp)};
  spec::Job job = JobOf(c, spec::Rule::kUrfb, spec::Hinge{1.0}, spec::Propagate::kBeforeUpdate);
  job.dataset.normalize = spec::Normalize::kSigned;
  ExpectStepEqualsOracle(c, job);
}

}  // namespace
}  // namespace hebb::engine
