// SPDX-License-Identifier: Apache-2.0
// What the rules keep constant is kept by a close computation, to first order by Euler's, and not
// by another rule's flow.
#include "client/theory/invariants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "client/theory/start.h"

namespace hebb::theory {
namespace {

using ::testing::IsEmpty;

constexpr Rule kRules[] = {Rule::kBp, Rule::kFrfb, Rule::kUrfb};

// Follows `moved` and watches what `kept` keeps.
std::vector<Violation> ViolationsOf(Rule kept, Rule moved, Integrator integrator, double dt) {
  const Problem p = RandomProblem({6, 5, 4, 3}, {.3, .4, .5}, 3);
  Network network = p.start;
  InvariantWatch watch(kept, network);
  for (double time = 0; time < 3; time += dt) {
    const Motion motion = MotionOf(moved, network, p.target);
    Advance(moved, integrator, dt, p.target, motion, network);
    watch.Observe(network);
  }
  return watch.Violations();
}

double Largest(const std::vector<Violation>& violations) {
  double largest = 0;
  for (const Violation& v : violations) largest = std::max(largest, v.relative);
  return largest;
}

TEST(InvariantWatchTest, EachRuleKeepsItsOwn) {
  for (const Rule rule : kRules) {
    EXPECT_LT(Largest(ViolationsOf(rule, rule, Integrator::kRk4, .01)), 1e-8) << NameOf(rule);
    const double euler = Largest(ViolationsOf(rule, rule, Integrator::kEuler, .01));
    EXPECT_GT(euler, 1e-5) << NameOf(rule);
    EXPECT_NEAR(euler / Largest(ViolationsOf(rule, rule, Integrator::kEuler, .005)), 2, .3)
        << NameOf(rule);
  }
}

TEST(InvariantWatchTest, UrfbKeepsTheDistanceOfItsWeightsUnderAnyStep) {
  const std::vector<Violation> v = ViolationsOf(Rule::kUrfb, Rule::kUrfb, Integrator::kEuler, .05);
  ASSERT_EQ(v.size(), 2u);
  EXPECT_EQ(v[0].name, "R - V^T");
  EXPECT_LT(v[0].relative, 1e-13);
  EXPECT_EQ(v[1].name, "W W^T - R R^T");
}

TEST(InvariantWatchTest, AnotherRulesFlowIsSeen) {
  for (const Rule kept : kRules) {
    for (const Rule moved : kRules) {
      if (kept == moved) continue;
      EXPECT_GT(Largest(ViolationsOf(kept, moved, Integrator::kRk4, .01)), .05)
          << NameOf(kept) << " " << NameOf(moved);
    }
  }
}

TEST(InvariantWatchTest, OneLayerHasNone) {
  const Problem p = RandomProblem({3, 2}, {1, 1, 1}, 1);
  for (const Rule rule : kRules) {
    EXPECT_THAT(InvariantWatch(rule, p.start).Violations(), IsEmpty());
  }
}

}  // namespace
}  // namespace hebb::theory
