// SPDX-License-Identifier: Apache-2.0
// The flow is that of the formulas: against hand-written ones for two layers, and against the
// gradient of the error by finite differences for three.
#include "client/theory/flow.h"

#include <gtest/gtest.h>

#include <cmath>

#include "client/theory/start.h"

namespace hebb::theory {
namespace {

Problem Example(const std::vector<int>& layers) { return RandomProblem(layers, {.5, .4, .6}, 7); }

double HalfSquare(const Network& network, const Matrix& target) {
  return MotionOf(Rule::kBp, network, target).error.squaredNorm() / 2;
}

TEST(MotionTest, TwoLayersFollowTheFormulas) {
  const Problem p = Example({4, 3, 2});
  const Matrix &w1 = p.start.w[0], &w2 = p.start.w[1], &r = p.start.r[1];
  const Matrix e = p.target - w2 * w1;
  for (const Rule rule : {Rule::kBp, Rule::kFrfb, Rule::kUrfb}) {
    const Motion motion = MotionOf(rule, p.start, p.target);
    const Matrix below = rule == Rule::kBp ? Matrix(w2.transpose() * e) : Matrix(r * e);
    EXPECT_TRUE(motion.error.isApprox(e));
    EXPECT_TRUE(motion.velocity.w[1].isApprox(e * w1.transpose())) << NameOf(rule);
    EXPECT_TRUE(motion.velocity.w[0].isApprox(below)) << NameOf(rule);
    ASSERT_EQ(motion.velocity.r.size(), rule == Rule::kUrfb ? 2u : 0u) << NameOf(rule);
    if (rule == Rule::kUrfb) {
      EXPECT_TRUE(motion.velocity.r[1].isApprox(w1 * e.transpose()));
    }
  }
}

TEST(MotionTest, BpDescendsTheGradient) {
  Problem p = Example({4, 3, 5, 2});
  const Motion motion = MotionOf(Rule::kBp, p.start, p.target);
  constexpr double kStep = 1e-6;
  for (size_t l = 0; l < p.start.w.size(); ++l) {
    for (int i = 0; i < p.start.w[l].size(); ++i) {
      Network up = p.start, down = p.start;
      up.w[l].data()[i] += kStep;
      down.w[l].data()[i] -= kStep;
      const double slope = (HalfSquare(up, p.target) - HalfSquare(down, p.target)) / (2 * kStep);
      EXPECT_NEAR(motion.velocity.w[l].data()[i], -slope, 1e-7) << l << " " << i;
    }
  }
}

TEST(MotionTest, FeedbackThatIsTheTransposeIsBp) {
  Problem p = Example({4, 3, 5, 2});
  for (size_t l = 1; l < p.start.w.size(); ++l) p.start.r[l] = p.start.w[l].transpose();
  const Motion bp = MotionOf(Rule::kBp, p.start, p.target);
  const Motion urfb = MotionOf(Rule::kUrfb, p.start, p.target);
  for (size_t l = 0; l < p.start.w.size(); ++l) {
    EXPECT_TRUE(urfb.velocity.w[l].isApprox(bp.velocity.w[l])) << l;
  }
}

TEST(MotionTest, TheRateIsThatOfTheError) {
  for (const Rule rule : {Rule::kBp, Rule::kFrfb, Rule::kUrfb}) {
    const Problem p = Example({4, 3, 5, 2});
    const Motion motion = MotionWithRate(rule, p.start, p.target);
    Network later = p.start;
    constexpr double kDt = 1e-6;
    Advance(rule, Integrator::kEuler, kDt, p.target, motion, later);
    const double after = MotionOf(rule, later, p.target).error.norm();
    EXPECT_NEAR(motion.rate, -std::log(after / motion.error.norm()) / kDt, 1e-4) << NameOf(rule);
  }
}

TEST(AdvanceTest, RungeKuttaIsOfFourthOrder) {
  const Problem p = Example({4, 3, 5, 2});
  const auto at_one = [&p](Integrator integrator, int steps) {
    Network network = p.start;
    for (int i = 0; i < steps; ++i) {
      const Motion motion = MotionOf(Rule::kUrfb, network, p.target);
      Advance(Rule::kUrfb, integrator, 1.0 / steps, p.target, motion, network);
    }
    return network.w[1];
  };
  const Matrix exact = at_one(Integrator::kRk4, 640);
  const auto gain = [&](Integrator integrator) {
    return (at_one(integrator, 20) - exact).norm() / (at_one(integrator, 40) - exact).norm();
  };
  EXPECT_NEAR(gain(Integrator::kRk4), 16, 2);
  EXPECT_NEAR(gain(Integrator::kEuler), 2, .2);
}

}  // namespace
}  // namespace hebb::theory
