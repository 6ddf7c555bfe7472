// SPDX-License-Identifier: Apache-2.0
// The invariants of the learning rules over several steps of an engine (paper.md 1).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
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

std::unique_ptr<Engine> Train(const EngineSetup& setup, int steps) {
  std::unique_ptr<Engine> engine = MakeEngine(setup);
  for (int step = 0; step < steps; ++step) {
    const RandomImages images(setup.facts, 20, 100 + step);
    const StepResult result = RunStep(*engine, {3, step, 20}, images.samples(), kSlices);
    EXPECT_TRUE(result.status.ok()) << result.status;
  }
  return engine;
}

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

class RulesTest : public testing::TestWithParam<spec::Propagate> {};

TEST_P(RulesTest, UrfbFromEqualMatricesIsBackpropBitForBit) {
  const auto bp =
      Train(SetupFor(spec::Rule::kBp, spec::FeedbackInit::kIndependent, GetParam()), kSteps);
  const auto urfb =
      Train(SetupFor(spec::Rule::kUrfb, spec::FeedbackInit::kSame, GetParam()), kSteps);
  const auto expected = TensorsOf(*bp);
  auto got = TensorsOf(*urfb);
  for (const auto& [name, values] : expected) {
    EXPECT_TRUE(SameBits(values, got.at(name))) << name;
    const std::string feedback = name.substr(0, name.find('.')) + ".feedback";
    EXPECT_TRUE(SameBits(values, got.at(feedback))) << feedback;
  }
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
  for (double cosine : same->Alignment()) EXPECT_NEAR(cosine, 1, 1e-12);
  EXPECT_LT(std::abs(independent->Alignment()[2]), 0.1);
}

TEST_P(RulesTest, FeedbackLearnsAtItsOwnRate) {
  EngineSetup setup = SetupFor(spec::Rule::kUrfb, spec::FeedbackInit::kIndependent, GetParam());
  setup.job.learning.optimizer.feedback_learning_rate = 0.0;
  const auto first = TensorsOf(*MakeEngine(setup)), last = TensorsOf(*Train(setup, kSteps));
  for (const auto& [name, values] : first) {
    EXPECT_EQ(SameBits(values, last.at(name)), name.ends_with(".feedback")) << name;
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
