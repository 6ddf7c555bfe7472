// SPDX-License-Identifier: Apache-2.0
// What an engine promises besides its numbers: the order of its calls, errors that change nothing,
// import and export, evaluation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "common/random.h"
#include "tests/unit/worker/engine/harness.h"
#include "worker/engine/oracle/oracle.h"

namespace hebb::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

EngineSetup SmallSetup() {
  EngineSetup setup;
  setup.facts = {{3, 8, 8}, 4, 0, 0};
  setup.slices = 3;
  setup.max_slice_rows = 20;
  setup.job.seed = 11;
  setup.job.dataset.name = "cifar10";
  setup.job.network.layers = {Conv("a", 4, 3), Pool("p", 2, 2), Drop("drop", 0.5), Dense("d", 7),
                              Dense("out", 4, spec::Activation::kNone)};
  return setup;
}

class EngineTest : public testing::TestWithParam<spec::Propagate> {
 protected:
  EngineTest() : setup_(SmallSetup()) { setup_.job.learning.propagate = GetParam(); }

  EngineSetup setup_;
};

TEST_P(EngineTest, SumsAreReadyInTheirOrder) {
  const auto engine = MakeEngine(setup_);
  const RandomImages images(setup_.facts, 13, 1);
  const auto cut = CutSlices(images.samples(), 3);
  std::vector<SliceTotals> totals(3);
  for (int step = 0; step < 3; ++step) {
    AloneSink sink(*engine);
    ASSERT_TRUE(engine->ComputeUpdates({1, 0, 13}, cut, sink, totals).ok());
    EXPECT_THAT(sink.order(), ElementsAre(0, 1, 2));
  }
}

TEST_P(EngineTest, FailingSinkFailsTheStepAndChangesNothing) {
  const auto engine = MakeEngine(setup_);
  const auto before = TensorsOf(*engine);
  const RandomImages images(setup_.facts, 13, 1);
  const auto cut = CutSlices(images.samples(), 3);
  std::vector<SliceTotals> totals(3);
  for (int sum = 0; sum < 3; ++sum) {
    FailingSink sink(*engine, sum);
    EXPECT_EQ(engine->ComputeUpdates({1, 0, 13}, cut, sink, totals).code(),
              absl::StatusCode::kUnavailable);
  }
  EXPECT_EQ(TensorsOf(*engine), before);
  // And the engine goes on as if nothing had been.
  const StepResult after = RunStep(*engine, {1, 0, 13}, images.samples(), 3);
  const StepResult fresh = RunStep(*MakeEngine(setup_), {1, 0, 13}, images.samples(), 3);
  EXPECT_EQ(after.sums, fresh.sums);
}

TEST_P(EngineTest, SlicesWithoutSamplesAddZeros) {
  const auto engine = MakeEngine(setup_);
  const RandomImages images(setup_.facts, 2, 1);  // slices of 1, 1 and 0 rows
  const StepResult three = RunStep(*engine, {1, 0, 2}, images.samples(), 3);
  ASSERT_TRUE(three.status.ok()) << three.status;
  setup_.slices = 2;
  const StepResult two = RunStep(*MakeEngine(setup_), {1, 0, 2}, images.samples(), 2);
  EXPECT_EQ(three.totals[2].loss, 0);
  EXPECT_EQ(three.loss, two.loss);
  EXPECT_EQ(three.sums, two.sums);
}

TEST_P(EngineTest, LossThatIsNotFiniteIsRefusedWithPlaceAndRemedy) {
  for (float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    for (size_t which : {0u, 2u, 4u}) {  // a, d, out
      const auto engine = MakeEngine(setup_);
      auto tensors = engine->Export();
      for (float& value : tensors[which].values) value = bad;
      ASSERT_TRUE(engine->Import(tensors).ok());
      const RandomImages images(setup_.facts, 13, 1);
      const absl::Status status = RunStep(*engine, {1, 6, 13}, images.samples(), 3).status;
      if (std::isinf(bad) && which != 4) continue;  // a ramp bounds infinite fields
      EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << tensors[which].name;
      EXPECT_THAT(status.message(), HasSubstr("layer out: the loss is not finite at epoch 6"));
      EXPECT_THAT(status.message(), HasSubstr("lower learning.optimizer.sgd.learning_rate"));
    }
  }
}

TEST_P(EngineTest, LabelThatIsNoClassIsRefused) {
  const auto engine = MakeEngine(setup_);
  const RandomImages images(setup_.facts, 13, 1);
  for (int label : {-1, 4}) {
    std::vector<Sample> samples = images.samples();
    samples[7].label = label;
    samples[7].id = 1234;
    const absl::Status status = RunStep(*engine, {1, 0, 13}, samples, 3).status;
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
    EXPECT_THAT(status.message(), HasSubstr("record 1234 has label"));
    EXPECT_FALSE(engine->Evaluate(samples).ok());
  }
}

INSTANTIATE_TEST_SUITE_P(Orders, EngineTest,
                         testing::Values(spec::Propagate::kBeforeUpdate,
                                         spec::Propagate::kAfterUpdate),
                         [](const auto& test) {
                           return test.param == spec::Propagate::kBeforeUpdate ? "BeforeUpdate"
                                                                               : "AfterUpdate";
                         });

TEST(CreateEngineTest, ImpossibleNetworkIsRefused) {
  EngineSetup setup = SmallSetup();
  setup.job.network.layers.back() = Dense("out", 5, spec::Activation::kNone);
  EngineOptions options{&setup.job, setup.facts, 1, {1, {0, 1}, 10}};
  EXPECT_EQ(CreateCpuEngine(options).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(CreateEngineTest, StandardNormalizationOfAnUnknownSetIsRefused) {
  EngineSetup setup = SmallSetup();
  setup.job.dataset.name = "glyphs";
  setup.job.dataset.normalize = spec::Normalize::kStandard;
  EngineOptions options{&setup.job, setup.facts, 1, {1, {0, 1}, 10}};
  const absl::Status status = CreateCpuEngine(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("glyphs"));
}

TEST(EngineTensorsTest, InitialValuesAreDrawnAtCanonicalIndices) {
  const EngineSetup setup = SmallSetup();
  for (const weights::Tensor& tensor : MakeEngine(setup)->Export()) {
    if (tensor.name.substr(0, 2) != "d.") continue;
    ASSERT_THAT(tensor.shape, ElementsAre(7, 64));
    const RandomPurpose purpose =
        tensor.name == "d.weight" ? RandomPurpose::kWeight : RandomPurpose::kFeedback;
    const RandomStream stream(11, purpose, 3, 0, 0);
    const double limit = std::sqrt(6.0 / (64 + 7));
    for (size_t i = 0; i < tensor.values.size(); ++i) {
      const double u = RandomStream::ToUnit(stream.Word(i));
      ASSERT_FLOAT_EQ(tensor.values[i], static_cast<float>(limit * (2 * u - 1)));
    }
  }
}

TEST(EngineTensorsTest, ExportedTensorsAreNamedAndShapedCanonically) {
  const auto tensors = MakeEngine(SmallSetup())->Export();
  ASSERT_EQ(tensors.size(), 6u);
  EXPECT_EQ(tensors[0].name, "a.weight");
  EXPECT_EQ(tensors[1].name, "a.feedback");
  EXPECT_THAT(tensors[1].shape, ElementsAre(4, 3, 3, 3));
  EXPECT_EQ(tensors[4].name, "out.weight");
  EXPECT_THAT(tensors[4].shape, ElementsAre(4, 7));
}

TEST(EngineTensorsTest, ImportIsTheInverseOfExport) {
  const EngineSetup setup = SmallSetup();
  const auto engine = MakeEngine(setup);
  auto tensors = engine->Export();
  float value = 0;
  for (auto& tensor : tensors) {
    for (float& entry : tensor.values) entry = value += 0.5f;
  }
  std::reverse(tensors.begin(), tensors.end());
  ASSERT_TRUE(engine->Import(tensors).ok());
  const auto exported = TensorsOf(*engine);
  for (const auto& tensor : tensors) EXPECT_EQ(exported.at(tensor.name), tensor.values);
}

TEST(EngineTensorsTest, ImportNamesWhatIsWrongAndChangesNothing) {
  const auto engine = MakeEngine(SmallSetup());
  const auto good = engine->Export();
  const auto before = TensorsOf(*engine);
  const auto expect_refused = [&](std::vector<weights::Tensor> tensors, const char* name) {
    for (auto& tensor : tensors) {
      for (float& value : tensor.values) value = 1;
    }
    const absl::Status status = engine->Import(tensors);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr(name));
    EXPECT_EQ(TensorsOf(*engine), before);
  };
  auto missing = good;
  missing.erase(missing.begin() + 3);
  expect_refused(missing, "tensor d.feedback is missing");
  auto unknown = good;
  unknown.push_back({"ghost.weight", {1}, {1.0f}});
  expect_refused(unknown, "tensor ghost.weight belongs to no layer");
  auto misshapen = good;
  misshapen[2].shape = {64, 7};
  expect_refused(misshapen, "tensor d.weight has shape [64, 7]");
  auto twice = good;
  twice.push_back(good[0]);
  expect_refused(twice, "tensor a.weight is given twice");
}

void ExpectEvaluatesAsOracle(const EngineSetup& setup, Engine& engine) {
  const RandomImages images(setup.facts, 150, 4);
  Oracle oracle(setup.job, setup.facts);
  oracle.SetWeights(engine.Export());
  const OracleStep expected = oracle.Evaluate(images.samples());
  const auto totals = engine.Evaluate(images.samples());
  ASSERT_TRUE(totals.ok()) << totals.status();
  EXPECT_NEAR(totals->loss, expected.loss, 1e-5 * expected.loss);
  EXPECT_EQ(totals->correct, static_cast<float>(expected.correct));
}

TEST(EngineEvaluateTest, EqualsTheOracleWithoutDropout) {
  const EngineSetup setup = SmallSetup();
  const auto engine = MakeEngine(setup);
  ExpectEvaluatesAsOracle(setup, *engine);
}

TEST(EngineEvaluateTest, TakesRunningStatisticsAsTheyAreAfterTraining) {
  EngineSetup setup = SmallSetup();
  setup.job.network.layers = {Norm("i"),
                              Biased(Conv("a", 4, 3)),
                              Norm("n", spec::Activation::kRelu),
                              Biased(Untied("u", 4, 3)),
                              Norm("m", spec::Activation::kNone, spec::Statistics::kSlice),
                              GlobalAvg("g"),
                              Drop("drop", 0.5),
                              Biased(Dense("out", 4, spec::Activation::kNone))};
  const auto engine = MakeEngine(setup);
  ASSERT_TRUE(ShakeWeights(*engine, 2, 1).ok());
  ExpectEvaluatesAsOracle(setup, *engine);
  const RandomImages images(setup.facts, 30, 5);
  ASSERT_TRUE(RunStep(*engine, {1, 0, 30}, images.samples(), 3).status.ok());
  ExpectEvaluatesAsOracle(setup, *engine);
}

TEST(EngineEvaluateTest, CountsDoNotDependOnHowSamplesAreDealtOut) {
  EngineSetup setup = SmallSetup();
  const RandomImages images(setup.facts, 333, 4);
  const std::span<const Sample> samples = images.samples();
  const auto engine = MakeEngine(setup);
  const auto whole = engine->Evaluate(samples);
  ASSERT_TRUE(whole.ok());
  for (size_t ranks : {2u, 3u, 7u}) {
    float correct = 0, loss = 0;
    for (const auto& part : CutSlices(samples, static_cast<int>(ranks))) {
      const auto totals = engine->Evaluate(part);
      ASSERT_TRUE(totals.ok());
      correct += totals->correct;
      loss += totals->loss;
    }
    EXPECT_EQ(correct, whole->correct);
    EXPECT_NEAR(loss, whole->loss, 1e-4 * whole->loss);
  }
}

// Equal samples get equal answers wherever in a chunk they stand (to the bit: the kernels' tests).
TEST(EngineEvaluateTest, ASampleDoesNotFeelItsPlaceInAChunk) {
  const EngineSetup setup = SmallSetup();
  const RandomImages images(setup.facts, 20, 4);
  const auto engine = MakeEngine(setup);
  for (const Sample& probe : images.samples()) {
    const auto one = engine->Evaluate({&probe, 1});
    const std::vector<Sample> copies(64, probe);
    const auto many = engine->Evaluate(copies);
    ASSERT_TRUE(one.ok() && many.ok());
    EXPECT_FLOAT_EQ(many->loss, 64 * one->loss);
    EXPECT_EQ(many->correct, 64 * one->correct);
  }
}

TEST(EngineEvaluateTest, NoSamplesAreNoError) {
  const auto totals = MakeEngine(SmallSetup())->Evaluate({});
  ASSERT_TRUE(totals.ok());
  EXPECT_EQ(totals->correct, 0);
}

}  // namespace
}  // namespace hebb::engine
