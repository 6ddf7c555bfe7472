// SPDX-License-Identifier: Apache-2.0
// What each rule does to W and R, entry by entry, with numbers worked out by hand (docs/rules.md).
#include "worker/rules/rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace hebb::rules {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::Pointwise;

class RuleTest : public testing::Test {
 protected:
  std::unique_ptr<Rule> Make(spec::Rule rule) { return MakeRule(rule, options_); }

  void Apply(const Rule& rule) {
    LayerStep step;
    step.gradient = g_;
    step.feedback_gradient = g_r_;
    step.descent = {.rate = 0.5f};
    step.feedback_descent = {.rate = 0.25f};
    step.forward = {w_, {}};
    if (rule.keeps_feedback()) step.feedback = {r_, {}};
    rule.Update(step);
  }

  std::vector<float> Derived(const Rule& rule) {
    std::vector<float> signal(3, NAN);
    rule.Derive({w_, r_}, 0.5f, signal);
    return signal;
  }

  spec::RuleOptions options_;
  std::vector<float> w_ = {1, -2, 0};
  std::vector<float> r_ = {-10, 20, 30};
  const std::vector<float> g_ = {4, -4, 8};
  const std::vector<float> g_r_ = {2, 0, 4};
};

TEST_F(RuleTest, BackpropSendsThroughWAndKeepsNoR) {
  const auto rule = Make(spec::Rule::kBp);
  EXPECT_FALSE(rule->keeps_feedback());
  EXPECT_EQ(rule->carrier(), Carrier::kForward);
  Apply(*rule);
  EXPECT_THAT(w_, ElementsAre(-1, 0, -4));
}

TEST_F(RuleTest, FixedFeedbackSendsThroughRAndChangesOnlyW) {
  const auto rule = Make(spec::Rule::kFrfb);
  EXPECT_TRUE(rule->keeps_feedback());
  EXPECT_FALSE(rule->updates_feedback());
  EXPECT_EQ(rule->carrier(), Carrier::kFeedback);
  Apply(*rule);
  EXPECT_THAT(w_, ElementsAre(-1, 0, -4));
  EXPECT_THAT(r_, ElementsAre(-10, 20, 30));
}

TEST_F(RuleTest, UpdatedFeedbackUpdatesBothMatrices) {
  const auto rule = Make(spec::Rule::kUrfb);
  EXPECT_TRUE(rule->updates_feedback());
  EXPECT_EQ(rule->carrier(), Carrier::kFeedback);
  Apply(*rule);
  EXPECT_THAT(w_, ElementsAre(-1, 0, -4));
  EXPECT_THAT(r_, ElementsAre(-10.5, 20, 29));
}

TEST_F(RuleTest, SignOfUpdatedFeedbackSendsSignsAndUpdatesR) {
  const auto rule = Make(spec::Rule::kUrfbSign);
  EXPECT_EQ(rule->carrier(), Carrier::kDerived);
  EXPECT_THAT(Derived(*rule), ElementsAre(-1, 1, 1));
  Apply(*rule);
  EXPECT_THAT(w_, ElementsAre(-1, 0, -4));
  EXPECT_THAT(r_, ElementsAre(-10.5, 20, 29));
}

TEST_F(RuleTest, KolenPollackShrinksBothAndThenUpdates) {
  options_.decay = 0.5;
  const auto rule = Make(spec::Rule::kKolenPollack);
  EXPECT_EQ(rule->carrier(), Carrier::kFeedback);
  Apply(*rule);
  EXPECT_THAT(w_, ElementsAre(-1.5, 1, -4));
  EXPECT_THAT(r_, ElementsAre(-5.5, 10, 14));
}

TEST_F(RuleTest, KolenPollackWithoutDecayIsUpdatedFeedback) {
  options_.decay = 1;
  std::vector<float> w = w_, r = r_;
  Apply(*Make(spec::Rule::kKolenPollack));
  w.swap(w_);
  r.swap(r_);
  Apply(*Make(spec::Rule::kUrfb));
  EXPECT_EQ(w, w_);
  EXPECT_EQ(r, r_);
}

TEST_F(RuleTest, DirectFeedbackChangesOnlyW) {
  const auto rule = Make(spec::Rule::kDfa);
  EXPECT_EQ(rule->carrier(), Carrier::kDirect);
  EXPECT_TRUE(rule->keeps_feedback());
  Apply(*rule);
  EXPECT_THAT(w_, ElementsAre(-1, 0, -4));
  EXPECT_THAT(r_, ElementsAre(-10, 20, 30));
}

TEST_F(RuleTest, SignSymmetryDerivesItsSignalFromSignsOfW) {
  EXPECT_THAT(Derived(*Make(spec::Rule::kUsf)), ElementsAre(0.5, -0.5, 0));
  EXPECT_FALSE(Make(spec::Rule::kUsf)->keeps_feedback());
  EXPECT_THAT(Derived(*Make(spec::Rule::kBrsf)), ElementsAre(10, -20, 0));
  EXPECT_FALSE(Make(spec::Rule::kBrsf)->keeps_feedback());
  EXPECT_TRUE(Make(spec::Rule::kBrsf)->redraws_magnitudes());
  EXPECT_THAT(Derived(*Make(spec::Rule::kFrsf)), ElementsAre(10, -20, 0));
  EXPECT_TRUE(Make(spec::Rule::kFrsf)->keeps_feedback());
  Apply(*Make(spec::Rule::kFrsf));
  EXPECT_THAT(w_, ElementsAre(-1, 0, -4));
  EXPECT_THAT(r_, ElementsAre(-10, 20, 30));
}

TEST_F(RuleTest, WeightMirrorAddsTheCorrelationToR) {
  options_.mirror_rate = 0.5;
  const auto rule = Make(spec::Rule::kWeightMirror);
  EXPECT_TRUE(rule->mirrors());
  EXPECT_EQ(rule->carrier(), Carrier::kFeedback);
  Apply(*rule);
  EXPECT_THAT(w_, ElementsAre(-1, 0, -4));
  EXPECT_THAT(r_, ElementsAre(-9, 20, 32));
}

// ---- descent -----------------------------------------------------------------------------------

TEST(DescendTest, MomentumRollsAndDecayPullsToZero) {
  std::vector<float> w = {1, -1}, v = {10, 0};
  const std::vector<float> g = {2, 4};
  Descend({.rate = 0.5f, .momentum = 0.5f, .weight_decay = 0.25f, .scale = 0.5f}, g, {w, v});
  EXPECT_THAT(v, ElementsAre(5 + 1 + 0.25f, 0 + 2 - 0.25f));
  EXPECT_THAT(w, ElementsAre(1 - 0.5f * 6.25f, -1 - 0.5f * 1.75f));
}

TEST(DescendTest, DecayAndScaleWithoutMomentum) {
  std::vector<float> w = {1, -1};
  const std::vector<float> g = {2, 4};
  Descend({.rate = 0.5f, .weight_decay = 0.25f, .scale = 0.5f}, g, {w, {}});
  EXPECT_THAT(w, ElementsAre(1 - 0.5f * 1.25f, -1 - 0.5f * 1.75f));
}

// Parts of a matrix may be updated one by one, by any thread: long arrays, where the vector loop
// and its scalar rest both run, equal the entry-by-entry result to the bit.
TEST(DescendTest, PartsAddUpToTheWhole) {
  const size_t n = 1003;
  for (const Descent& descent : {Descent{.rate = 0.3f}, Descent{.rate = 0.3f, .weight_decay = 0.1f},
                                 Descent{.rate = 0.3f, .momentum = 0.9f, .scale = 0.7f}}) {
    std::vector<float> g(n), whole(n), parts(n), v(n, 0.5f), v_parts(n, 0.5f);
    for (size_t i = 0; i < n; ++i) {
      whole[i] = parts[i] = 0.1f * static_cast<float>(i) - 7;
      g[i] = 1.0f / static_cast<float>(i + 1);
    }
    const bool rolls = descent.momentum > 0;
    Descend(descent, g, {whole, rolls ? std::span<float>(v) : std::span<float>()});
    for (size_t i = 0; i < n; ++i) {
      const std::span<float> velocity =
          rolls ? std::span(v_parts).subspan(i, 1) : std::span<float>();
      Descend(descent, std::span(g).subspan(i, 1), {std::span(parts).subspan(i, 1), velocity});
    }
    EXPECT_EQ(whole, parts);
    EXPECT_EQ(v, v_parts);
  }
}

}  // namespace
}  // namespace hebb::rules
