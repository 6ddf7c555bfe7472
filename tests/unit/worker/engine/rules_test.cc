// SPDX-License-Identifier: Apache-2.0
// The invariants of the learning rules over several steps of an engine (paper.md 1).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/worker/engine/harness.h"

namespace hebb::engine {
namespace {

constexpr int kSlices = 3;
constexpr int kSteps = 6;

EngineSetup SetupFor(spec::Rule rule, spec::FeedbackInit init, spec::Propagate propagate) {
  EngineSetup setup;
  setup.facts = {{2, 9, 9}, 4, 0, 0};
  setup.slices = kSlices;
  setup.job.seed = 3;
  setup.job.dataset.name = "cifar10";
  setup.job.network.layers = {Conv("a", 6, 3),
                              Conv("b", 6, 3),
                              AddOf("s", {"a", "b"}),
                              Pool("p", 3, 2),
                              Drop("drop", 0.3),
                              Dense("d", 20),
                              Dense("out", 4, spec::Activation::kNone)};
  setup.job.learning.rule = rule;
  setup.job.learning.feedback_init = init;
  setup.job.learning.propagate = propagate;
  return setup;
}

// Biases, removed connections, untied layers, batch normalisation, momentum and decay.
void AddEverything(EngineSetup& setup) {
  setup.job.network.layers = {Conv("a", 6, 3, spec::Activation::kNone),
                              Norm("n", spec::Activation::kRamp),
                              Sparse(Biased(Untied("b", 6, 3)), 0.7),
                              AddOf("s", {"n", "b"}),
                              Pool("p", 3, 2),
                              Strided(Biased(Conv("e", 5, 3)), 2),
                              Norm("m", spec::Activation::kNone, spec::Statistics::kSlice),
                              Drop("drop", 0.3),
                              Sparse(Biased(Dense("d", 20)), 0.5),
                              Biased(Dense("out", 4, spec::Activation::kNone))};
  setup.job.learning.optimizer.momentum = 0.9;
  setup.job.learning.optimizer.weight_decay = 0.01;
}

std::unique_ptr<Engine> Train(const EngineSetup& setup, int steps) {
  std::unique_ptr<Engine> engine = MakeEngine(setup);
  std::deque<RandomImages> of_steps;  // an engine may remember records by their addresses
  for (int step = 0; step < steps; ++step) {
    const RandomImages& images = of_steps.emplace_back(setup.facts, 20, 100 + step);
    const StepContext context = {.seed = 3, .epoch = step, .batch_size = 20, .step = step};
    const StepResult result = RunStep(*engine, context, images.samples(), kSlices);
    EXPECT_TRUE(result.status.ok()) << result.status;
  }
  return engine;
}

class RulesTest : public testing::TestWithParam<spec::Propagate> {};

void ExpectUrfbIsBackprop(EngineSetup setup) {
  setup.job.learning.rule = spec::Rule::kBp;
  const auto bp = Train(setup, kSteps);
  setup.job.learning.rule = spec::Rule::kUrfb;
  setup.job.learning.feedback_init = spec::FeedbackInit::kSame;
  const auto urfb = Train(setup, kSteps);
  auto got = TensorsOf(*urfb);
  for (const auto& [name, values] : TensorsOf(*bp)) {
    EXPECT_TRUE(SameBits(values, got.at(name))) << name;
    if (!name.ends_with(".weight")) continue;
    const std::string feedback = name.substr(0, name.find('.')) + ".feedback";
    EXPECT_TRUE(SameBits(values, got.at(feedback))) << feedback;
  }
}

TEST_P(RulesTest, UrfbFromEqualMatricesIsBackpropBitForBit) {
  EngineSetup setup = SetupFor(spec::Rule::kBp, spec::FeedbackInit::kIndependent, GetParam());
  ExpectUrfbIsBackprop(setup);
  AddEverything(setup);
  ExpectUrfbIsBackprop(setup);
}

TEST_P(RulesTest, UrfbKeepsTheDifferenceOfItsMatrices) {
  const EngineSetup setup =
      SetupFor(spec::Rule::kUrfb, spec::FeedbackInit::kIndependent, GetParam());
  const auto first = TensorsOf(*MakeEngine(setup)), last = TensorsOf(*Train(setup, kSteps));
  const auto engine = MakeEngine(setup);
  for (const ParameterInfo& info : engine->parameters()) {
    const auto& w0 = first.at(info.layer + ".weight");
    const auto& r0 = first.at(info.layer + ".feedback");
    const auto& w = last.at(info.layer + ".weight");
    const auto& r = last.at(info.layer + ".feedback");
    EXPECT_FALSE(SameBits(r0, r)) << info.layer << " did not learn";
    float largest = 0;
    for (float value : w) largest = std::max(largest, std::abs(value));
    for (size_t i = 0; i < w.size(); ++i) {
      ASSERT_NEAR(r[i] - w[i], r0[i] - w0[i], 1e-6 * largest * kSteps) << info.layer;
    }
  }
}

// R - W shrinks by the decay in every step, whatever the momentum.
TEST_P(RulesTest, KolenPollackBringsItsMatricesTogether) {
  for (const double momentum : {0.0, 0.9}) {
    EngineSetup setup =
        SetupFor(spec::Rule::kKolenPollack, spec::FeedbackInit::kIndependent, GetParam());
    setup.job.learning.rule_options.decay = 0.8;
    setup.job.learning.optimizer.momentum = momentum;
    const auto first = TensorsOf(*MakeEngine(setup)), last = TensorsOf(*Train(setup, kSteps));
    for (const char* layer : {"a", "b", "d", "out"}) {
      const std::string w = std::string(layer) + ".weight", r = std::string(layer) + ".feedback";
      float largest = 0;
      for (float value : last.at(w)) largest = std::max(largest, std::abs(value));
      for (size_t i = 0; i < first.at(w).size(); ++i) {
        const double began = double{first.at(r)[i]} - first.at(w)[i];
        const double now = double{last.at(r)[i]} - last.at(w)[i];
        ASSERT_NEAR(now, std::pow(0.8, kSteps) * began, 1e-6 * largest * kSteps) << w;
      }
    }
  }
}

TEST_P(RulesTest, UrfbKeepsTheDifferenceWhereBothConnectionsExist) {
  EngineSetup setup = SetupFor(spec::Rule::kUrfb, spec::FeedbackInit::kIndependent, GetParam());
  AddEverything(setup);
  setup.job.learning.optimizer.weight_decay = 0;
  const auto first = TensorsOf(*MakeEngine(setup)), last = TensorsOf(*Train(setup, kSteps));
  for (const char* layer : {"b", "d"}) {
    const std::string w = std::string(layer) + ".weight", r = std::string(layer) + ".feedback";
    int64_t both = 0, only_w = 0, only_r = 0;
    for (size_t i = 0; i < first.at(w).size(); ++i) {
      const float w0 = first.at(w)[i], r0 = first.at(r)[i];
      const float w1 = last.at(w)[i], r1 = last.at(r)[i];
      both += w0 != 0 && r0 != 0;
      only_w += w0 != 0 && r0 == 0;
      only_r += w0 == 0 && r0 != 0;
      if (w0 == 0) {
        ASSERT_EQ(w1, 0) << w << " " << i;
      }
      if (r0 == 0) {
        ASSERT_EQ(r1, 0) << r << " " << i;
      }
      if (w0 != 0 && r0 != 0) {
        ASSERT_NEAR(r1 - w1, r0 - w0, 1e-5) << layer << " " << i;
      }
    }
    EXPECT_GT(both, 0) << layer;
    EXPECT_GT(only_w, 0) << layer;
    EXPECT_GT(only_r, 0) << layer;
  }
}

TEST_P(RulesTest, RemovedConnectionsStayExactlyZeroUnderEveryRule) {
  for (const auto rule :
       {spec::Rule::kBp, spec::Rule::kFrfb, spec::Rule::kUrfb, spec::Rule::kUrfbSign,
        spec::Rule::kKolenPollack, spec::Rule::kDfa, spec::Rule::kUsf, spec::Rule::kBrsf,
        spec::Rule::kFrsf, spec::Rule::kWeightMirror}) {
    const bool after = GetParam() == spec::Propagate::kAfterUpdate;
    if (after && rule == spec::Rule::kWeightMirror) continue;
    EngineSetup setup = SetupFor(rule, spec::FeedbackInit::kIndependent, GetParam());
    AddEverything(setup);
    auto& layers = setup.job.network.layers;
    if (rule == spec::Rule::kDfa) {
      std::erase_if(layers, [](const spec::Layer& layer) {
        return std::holds_alternative<spec::BatchNorm>(layer.op);
      });
      layers[2].inputs = {"a", "b"};
    }
    const auto first = TensorsOf(*MakeEngine(setup)), last = TensorsOf(*Train(setup, kSteps));
    for (const auto& [name, values] : first) {
      if (!name.ends_with(".weight") && !name.ends_with(".feedback")) continue;
      if (name.starts_with("optimizer/")) continue;
      for (size_t i = 0; i < values.size(); ++i) {
        if (values[i] == 0) {
          ASSERT_EQ(last.at(name)[i], 0) << name << " " << i;
        }
      }
    }
    EXPECT_FALSE(SameBits(first.at("b.weight"), last.at("b.weight")));
    EXPECT_TRUE(std::count(first.at("b.weight").begin(), first.at("b.weight").end(), 0.0f) > 0);
  }
}

TEST_P(RulesTest, DfaAndFrsfNeverChangeFeedback) {
  for (const auto rule : {spec::Rule::kDfa, spec::Rule::kFrsf}) {
    EngineSetup setup = SetupFor(rule, spec::FeedbackInit::kIndependent, GetParam());
    setup.job.learning.optimizer.momentum = 0.9;
    setup.job.learning.optimizer.weight_decay = 0.1;
    const auto first = TensorsOf(*MakeEngine(setup)), last = TensorsOf(*Train(setup, kSteps));
    for (const auto& [name, values] : first) {
      EXPECT_EQ(SameBits(values, last.at(name)), name.ends_with(".feedback")) << name;
    }
    EXPECT_EQ(first.contains("out.feedback"), rule == spec::Rule::kFrsf);
  }
}

TEST_P(RulesTest, SignsOfWNeedNoFeedback) {
  for (const auto rule : {spec::Rule::kUsf, spec::Rule::kBrsf}) {
    const auto engine = Train(SetupFor(rule, spec::FeedbackInit::kIndependent, GetParam()), 1);
    for (const ParameterInfo& info : engine->parameters()) EXPECT_FALSE(info.has_feedback);
    EXPECT_EQ(engine->Export().size(), engine->parameters().size());
    EXPECT_TRUE(engine->Alignment().empty());
  }
}

TEST_P(RulesTest, FrfbNeverChangesFeedback) {
  const EngineSetup setup =
      SetupFor(spec::Rule::kFrfb, spec::FeedbackInit::kIndependent, GetParam());
  const auto first = TensorsOf(*MakeEngine(setup)), last = TensorsOf(*Train(setup, kSteps));
  for (const auto& [name, values] : first) {
    EXPECT_EQ(SameBits(values, last.at(name)), name.ends_with(".feedback")) << name;
  }
}

TEST_P(RulesTest, BackpropKeepsNoFeedback) {
  const auto engine =
      Train(SetupFor(spec::Rule::kBp, spec::FeedbackInit::kIndependent, GetParam()), 1);
  for (const ParameterInfo& info : engine->parameters()) EXPECT_FALSE(info.has_feedback);
  EXPECT_EQ(engine->Export().size(), engine->parameters().size());
  EXPECT_TRUE(engine->Alignment().empty());
}

TEST_P(RulesTest, AlignmentIsOneForEqualMatricesAndNearZeroForIndependentOnes) {
  const auto same = Train(SetupFor(spec::Rule::kUrfb, spec::FeedbackInit::kSame, GetParam()), 1);
  const auto independent =
      MakeEngine(SetupFor(spec::Rule::kUrfb, spec::FeedbackInit::kIndependent, GetParam()));
  ASSERT_EQ(same->Alignment().size(), 4u);
  for (const auto& [layer, cosine] : same->Alignment()) EXPECT_NEAR(cosine, 1, 1e-12) << layer;
  EXPECT_LT(std::abs(independent->Alignment()[2].second), 0.1);
}

TEST_P(RulesTest, FeedbackLearnsAtItsOwnRate) {
  EngineSetup setup = SetupFor(spec::Rule::kUrfb, spec::FeedbackInit::kIndependent, GetParam());
  setup.job.learning.optimizer.feedback_learning_rate = 0.0;
  const auto first = TensorsOf(*MakeEngine(setup)), last = TensorsOf(*Train(setup, kSteps));
  for (const auto& [name, values] : first) {
    EXPECT_EQ(SameBits(values, last.at(name)), name.ends_with(".feedback")) << name;
  }
}

// With W at rest the mirror alone turns R to W (Akrout et al. 2019).
TEST(WeightMirrorTest, TurnsFeedbackToTheWeights) {
  EngineSetup setup = SetupFor(spec::Rule::kWeightMirror, spec::FeedbackInit::kIndependent,
                               spec::Propagate::kBeforeUpdate);
  setup.job.learning.optimizer.learning_rate = 0;
  setup.job.learning.rule_options.mirror_noise = 1;
  setup.job.learning.rule_options.mirror_rate = 0.05;
  for (const auto& [layer, cosine] : MakeEngine(setup)->Alignment()) {
    EXPECT_LT(std::abs(cosine), 0.4) << layer;
  }
  for (const auto& [layer, cosine] : Train(setup, 150)->Alignment()) {
    EXPECT_GT(cosine, 0.9) << layer;
  }
}

INSTANTIATE_TEST_SUITE_P(Orders, RulesTest,
                         testing::Values(spec::Propagate::kBeforeUpdate,
                                         spec::Propagate::kAfterUpdate),
                         [](const auto& test) {
                           return test.param == spec::Propagate::kBeforeUpdate ? "BeforeUpdate"
                                                                               : "AfterUpdate";
                         });

}  // namespace
}  // namespace hebb::engine
