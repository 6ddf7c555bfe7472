// SPDX-License-Identifier: Apache-2.0
// What a look at the layers says, against the oracle, and that it changes nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numbers>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "tests/unit/worker/engine/harness.h"
#include "worker/engine/oracle/oracle.h"

namespace hebb::engine {
namespace {

using spec::Activation;
using spec::Rule;

constexpr int64_t kChunk = 32;  // rows that an engine looks at together
constexpr int kSlices = 3;

struct Variant {
  std::string name;
  Rule rule = Rule::kUrfb;
  bool normed = false;
  std::function<void(spec::Job&)> change = [](spec::Job&) {};
};

void PrintTo(const Variant& variant, std::ostream* out) { *out << variant.name; }

EngineSetup SetupFor(const Variant& variant) {
  EngineSetup setup;
  setup.facts = {{2, 6, 6}, 4, 0, 0};
  setup.slices = kSlices;
  setup.job.seed = 23;
  setup.job.dataset.name = "cifar10";
  setup.job.learning.optimizer.learning_rate = 0.5;
  setup.job.learning.rule = variant.rule;
  auto& layers = setup.job.network.layers;
  if (variant.normed) {
    layers = {Conv("a", 4, 3, Activation::kNone),
              Norm("n", Activation::kRelu, spec::Statistics::kBatch),
              Conv("b", 4, 3, Activation::kNone),
              Norm("m", Activation::kRamp, spec::Statistics::kSlice),
              AddOf("s", {"n", "m"}),
              Untied("u", 4, 2),
              Dense("d", 12, Activation::kSigmoid),
              Dense("out", 4, Activation::kNone)};
  } else {
    layers = {Biased(Conv("a", 4, 3)),
              Untied("b", 4, 3),
              AddOf("s", {"a", "b"}),
              Pool("p", 3, 2),
              Drop("drop", 0.3),
              Sparse(Dense("d", 12, Activation::kRelu), 0.7),
              Dense("e", 10, Activation::kTanh),
              Dense("out", 4, Activation::kNone)};
  }
  variant.change(setup.job);
  return setup;
}

StepContext ContextOf(int64_t step, int64_t batch) {
  StepContext context;
  context.seed = 23;
  context.epoch = step / 2;
  context.batch_size = batch;
  context.step = step;
  context.first_of_epoch = step % 2 == 0;
  context.last_of_epoch = step % 2 == 1;
  return context;
}

std::vector<LayerDiagnostics> Look(Engine& engine, int64_t step, const RandomImages& images,
                                   std::span<const std::span<const float>> sums = {}) {
  const auto found = engine.Diagnose(ContextOf(step, 20), images.samples(), sums);
  EXPECT_TRUE(found.ok()) << found.status();
  return found.ok() ? *found : std::vector<LayerDiagnostics>();
}

// Of the oracle, chunk by chunk: the angle between what arrives at a layer and what would under bp.
struct Expected {
  double product = 0, rule = 0, gradient = 0;
  double saturated = 0, silent = 0, units = 0;
  double degrees() const {
    return std::acos(std::min(1.0, product / std::sqrt(rule * gradient))) * 180 / std::numbers::pi;
  }
};

double Steepest(Activation activation) {
  if (activation == Activation::kRamp) return 0.5;
  return activation == Activation::kSigmoid ? 0.25 : 1.0;
}

Activation ActivationOfOp(const spec::LayerOp& op) {
  if (const auto* conv = std::get_if<spec::Conv>(&op)) return conv->activation;
  if (const auto* norm = std::get_if<spec::BatchNorm>(&op)) return norm->activation;
  return std::get<spec::Dense>(op).activation;
}

std::map<std::string, Expected> OracleLook(const EngineSetup& setup, const Engine& engine,
                                           const std::vector<Sample>& samples) {
  spec::Job rule_job = setup.job, gradient_job = setup.job;
  // No update is known to a look: B is as it stands.
  rule_job.learning.propagate = gradient_job.learning.propagate = spec::Propagate::kBeforeUpdate;
  gradient_job.learning.rule = Rule::kBp;
  gradient_job.learning.rule_options = {};
  Oracle rule(rule_job, setup.facts), gradient(gradient_job, setup.facts);
  rule.SetWeights(engine.Export());
  gradient.SetWeights(engine.Export());
  std::map<std::string, Expected> found;
  for (size_t begin = 0; begin < samples.size(); begin += kChunk) {
    const std::vector<Sample> chunk(samples.begin() + begin, samples.begin() + begin + kChunk);
    const OracleStep a = rule.Step(ContextOf(0, kChunk), chunk);
    const OracleStep b = gradient.Step(ContextOf(0, kChunk), chunk);
    for (const ParameterInfo& info : engine.parameters()) {
      Expected& e = found[info.layer];
      const Doubles &x = a.deltas.at(info.layer), &y = b.deltas.at(info.layer);
      const double steepest =
          Steepest(ActivationOfOp(setup.job.network.layers[info.layer_index].op));
      for (size_t i = 0; i < x.size(); ++i) {
        e.product += x[i] * y[i];
        e.rule += x[i] * x[i];
        e.gradient += y[i] * y[i];
        e.saturated += a.slopes.at(info.layer)[i] < 0.01 * steepest ? 1 : 0;
        e.silent += a.outputs.at(info.layer)[i] == 0 ? 1 : 0;
      }
      e.units += static_cast<double>(x.size());
    }
  }
  return found;
}

class DiagnoseTest : public testing::TestWithParam<Variant> {};

TEST_P(DiagnoseTest, EqualsTheOracle) {
  const EngineSetup setup = SetupFor(GetParam());
  const auto engine = MakeEngine(setup);
  ASSERT_TRUE(ShakeWeights(*engine, 3, 1).ok());
  const RandomImages images(setup.facts, 2 * kChunk, 5);
  const auto expected = OracleLook(setup, *engine, images.samples());
  for (const LayerDiagnostics& layer : Look(*engine, 0, images)) {
    const Expected& e = expected.at(layer.layer);
    ASSERT_TRUE(layer.error_angle && layer.saturated && layer.sparsity) << layer.layer;
    EXPECT_NEAR(*layer.error_angle, e.degrees(), 0.02) << layer.layer;
    // One unit may fall on either side of a threshold.
    EXPECT_NEAR(*layer.saturated, e.saturated / e.units, 1.01 / e.units) << layer.layer;
    EXPECT_NEAR(*layer.sparsity, e.silent / e.units, 1.01 / e.units) << layer.layer;
    EXPECT_FALSE(layer.forward_update_norm);
  }
}

TEST_P(DiagnoseTest, ChangesNoTensorAndNoLaterStep) {
  const EngineSetup setup = SetupFor(GetParam());
  const auto looked = MakeEngine(setup), alone = MakeEngine(setup);
  const RandomImages images(setup.facts, 20, 5), others(setup.facts, 70, 6);
  for (int64_t step = 0; step < 4; ++step) {
    const auto a = RunStep(*looked, ContextOf(step, 20), images.samples(), kSlices);
    const auto b = RunStep(*alone, ContextOf(step, 20), images.samples(), kSlices);
    ASSERT_TRUE(a.status.ok()) << a.status;
    EXPECT_EQ(a.sums, b.sums) << "step " << step;
    const auto before = TensorsOf(*looked);
    std::vector<std::span<const float>> sums(a.sums.begin(), a.sums.end());
    Look(*looked, step, others, sums);
    const auto after = TensorsOf(*looked);
    for (const auto& [name, values] : before) {
      EXPECT_TRUE(SameBits(values, after.at(name))) << name;
      EXPECT_TRUE(SameBits(values, TensorsOf(*alone).at(name))) << name;
    }
  }
}

// The norms are those of the steps that W and R took, rates and removed connections included.
TEST_P(DiagnoseTest, UpdateNormsAreThoseOfTheStep) {
  EngineSetup setup = SetupFor(GetParam());
  const auto engine = MakeEngine(setup);
  ASSERT_TRUE(ShakeWeights(*engine, 3, 1).ok());
  const RandomImages images(setup.facts, 20, 5);
  const auto before = TensorsOf(*engine);
  StepContext context = ContextOf(0, 20);
  context.rate_factor = 0.5;
  const StepResult step = RunStep(*engine, context, images.samples(), kSlices);
  ASSERT_TRUE(step.status.ok());
  const auto after = TensorsOf(*engine);
  const auto moved = [&](const std::string& name) {
    double sum = 0;
    for (size_t i = 0; i < before.at(name).size(); ++i) {
      sum += std::pow(double{after.at(name)[i]} - before.at(name)[i], 2);
    }
    return std::sqrt(sum);
  };
  std::vector<std::span<const float>> sums(step.sums.begin(), step.sums.end());
  const auto found = engine->Diagnose(context, images.samples(), sums);
  ASSERT_TRUE(found.ok());
  for (const LayerDiagnostics& layer : *found) {
    const bool norm = !before.contains(layer.layer + ".weight");
    const double w = moved(layer.layer + (norm ? ".scale" : ".weight"));
    ASSERT_TRUE(layer.forward_update_norm);
    EXPECT_NEAR(*layer.forward_update_norm, w, 1e-4 * w + 1e-6) << layer.layer;
    if (!before.contains(layer.layer + ".feedback")) continue;
    ASSERT_TRUE(layer.feedback_update_norm);
    const double r = moved(layer.layer + ".feedback");
    EXPECT_NEAR(*layer.feedback_update_norm, r, 1e-3 * r + 1e-6) << layer.layer;
  }
}

void Lag(spec::Job& job) { job.learning.rule_options.feedback_lag = spec::FeedbackLag::kEpoch; }

std::vector<Variant> Variants() {
  return {
      {"bp", Rule::kBp},
      {"urfb", Rule::kUrfb},
      {"urfb_normed", Rule::kUrfb, true},
      {"bp_normed", Rule::kBp, true},
      {"urfb_sign_normed", Rule::kUrfbSign, true},
      {"kolen_pollack", Rule::kKolenPollack, false,
       [](spec::Job& job) { job.learning.rule_options.decay = 1; }},
      {"dfa", Rule::kDfa},
      {"usf", Rule::kUsf},
      {"brsf", Rule::kBrsf},
      {"frsf", Rule::kFrsf},
      {"weight_mirror", Rule::kWeightMirror, false,
       [](spec::Job& job) {
         job.learning.rule_options.mirror_noise = 2;
         job.learning.rule_options.mirror_rate = 0.1;
       }},
      {"last_by_bp", Rule::kFrfb, false,
       [](spec::Job& job) { job.learning.rule_options.last_layer = spec::LastLayer::kBp; }},
      {"saturated", Rule::kUrfb, false,
       [](spec::Job& job) { job.learning.rule_options.saturated_feedback = 20; }},
      {"asymmetric", Rule::kUrfb, false,
       [](spec::Job& job) { job.learning.rule_options.asymmetric = true; }},
      {"after_update", Rule::kUrfb, false,
       [](spec::Job& job) { job.learning.propagate = spec::Propagate::kAfterUpdate; }},
      {"after_update_normed", Rule::kUrfbSign, true,
       [](spec::Job& job) { job.learning.propagate = spec::Propagate::kAfterUpdate; }},
      {"momentum", Rule::kUrfb, true,
       [](spec::Job& job) { job.learning.optimizer.momentum = 0.9; }},
  };
}

INSTANTIATE_TEST_SUITE_P(Rules, DiagnoseTest, testing::ValuesIn(Variants()),
                         [](const auto& test) { return test.param.name; });

// Mid-epoch, the look must leave the lagging B as it is.
TEST(DiagnoseLagTest, ChangesNoLaterStep) {
  const EngineSetup setup = SetupFor({"lag", Rule::kUrfb, false, Lag});
  const auto looked = MakeEngine(setup), alone = MakeEngine(setup);
  const RandomImages images(setup.facts, 20, 5);
  for (int64_t step = 0; step < 6; ++step) {
    const StepContext context = ContextOf(step, 20);
    const auto a = RunStep(*looked, context, images.samples(), kSlices);
    const auto b = RunStep(*alone, context, images.samples(), kSlices);
    EXPECT_EQ(a.sums, b.sums) << "step " << step;
    ASSERT_TRUE(looked->Diagnose(context, images.samples(), {}).ok());
  }
}

std::map<std::string, double> Angles(Rule rule, spec::FeedbackInit init) {
  EngineSetup setup;
  setup.facts = {{3, 16, 16}, 10, 0, 0};
  setup.job.seed = 2;
  setup.job.dataset.name = "cifar10";
  setup.job.learning.rule = rule;
  setup.job.learning.feedback_init = init;
  setup.job.network.layers = {Dense("a", 500), Dense("b", 500), Dense("c", 500),
                              Dense("out", 10, Activation::kNone)};
  const RandomImages images(setup.facts, 128, 5);
  std::map<std::string, double> angles;
  const auto engine = MakeEngine(setup);
  for (const LayerDiagnostics& layer : Look(*engine, 0, images)) {
    angles[layer.layer] = layer.error_angle.value_or(-1);
  }
  return angles;
}

TEST(DiagnoseAngleTest, IsZeroUnderBackpropAndUnderUrfbFromEqualMatrices) {
  for (const auto rule : {Rule::kBp, Rule::kUrfb}) {
    for (const auto& [layer, angle] : Angles(rule, spec::FeedbackInit::kSame)) {
      EXPECT_NEAR(angle, 0, 1e-5) << layer;
    }
  }
}

TEST(DiagnoseAngleTest, IsNearARightAngleUnderIndependentFeedback) {
  const auto angles = Angles(Rule::kUrfb, spec::FeedbackInit::kIndependent);
  EXPECT_NEAR(angles.at("out"), 0, 1e-5) << "no matrix is between the loss and the last layer";
  for (const char* layer : {"a", "b", "c"}) EXPECT_NEAR(angles.at(layer), 90, 8) << layer;
}

TEST(DiagnoseTestOfFewSamples, FillsAChunkWithThem) {
  const EngineSetup setup = SetupFor({"few", Rule::kUrfb});
  const auto engine = MakeEngine(setup);
  const RandomImages images(setup.facts, 16, 5);
  std::vector<Sample> repeated;
  for (int i = 0; i < kChunk / 16; ++i) {
    repeated.insert(repeated.end(), images.samples().begin(), images.samples().end());
  }
  const auto few = engine->Diagnose(ContextOf(0, 20), images.samples(), {});
  const auto filled = engine->Diagnose(ContextOf(0, 20), repeated, {});
  ASSERT_TRUE(few.ok() && filled.ok());
  for (size_t i = 0; i < few->size(); ++i) {
    EXPECT_EQ((*few)[i].error_angle, (*filled)[i].error_angle);
    EXPECT_EQ((*few)[i].saturated, (*filled)[i].saturated);
    EXPECT_EQ((*few)[i].sparsity, (*filled)[i].sparsity);
  }
}

}  // namespace
}  // namespace hebb::engine
