// SPDX-License-Identifier: Apache-2.0
// One flow: its time, its rates against closed forms, and that a divergence is no result.
#include "client/theory/trace.h"

#include <gtest/gtest.h>

#include <cmath>

namespace hebb::theory {
namespace {

Course Scalar() {
  Course course;
  course.integrator = Integrator::kRk4;
  course.measure = Measure::kError;
  return course;
}

TEST(FollowTest, OneLayerDecaysExponentially) {
  Problem p = RandomProblem({3, 2}, {.1, .1, 1}, 1);
  for (const double threshold : {.5, .01}) {
    for (const Measure measure : {Measure::kError, Measure::kSquaredError}) {
      Course course = Scalar();
      course.measure = measure;
      course.threshold = threshold;
      const Trace trace = Follow(Rule::kBp, p, course);
      const double power = measure == Measure::kError ? 1 : 2;
      ASSERT_TRUE(trace.reached.has_value());
      EXPECT_NEAR(*trace.reached, -std::log(threshold) / power, 1e-7);
      EXPECT_NEAR(*trace.rate, 1, 1e-9);
      EXPECT_NEAR(trace.final_rate, 1, 1e-6);
      EXPECT_EQ(trace.error.size(), 401u);
      EXPECT_NEAR(trace.error[100], std::exp(-5 * power), 1e-9);
    }
  }
}

// docs/theory.md: the rates that the scalar chain ends with.
TEST(FollowTest, FinalRatesAreThoseOfTheClosedForms) {
  for (const double t : {1.0, 2.5}) {
    for (const double r0 : {.5, 1.0, 2.0}) {
      const Problem p = ScalarProblem(0, r0, t);
      EXPECT_NEAR(Follow(Rule::kFrfb, p, Scalar()).final_rate, 1.5 * std::pow(2 * r0 * t, 2. / 3),
                  1e-6);
      double low = r0, high = 100;  // r with sqrt(r^2 - r0^2) (r - r0) = t, by halving
      for (int i = 0; i < 100; ++i) {
        const double r = (low + high) / 2;
        (std::sqrt(r * r - r0 * r0) * (r - r0) < t ? low : high) = r;
      }
      EXPECT_NEAR(Follow(Rule::kUrfb, p, Scalar()).final_rate, (low - r0) * (2 * low + r0), 1e-6);
    }
  }
}

TEST(FollowTest, TheLastRateIsNotThatOfRounding) {
  Course course = Scalar();
  course.time = 200;
  EXPECT_NEAR(Follow(Rule::kUrfb, ScalarProblem(0, 1, 1), course).final_rate, 3.177, 1e-3);
}

TEST(FollowTest, NotArrivedIsNoTime) {
  Course course = Scalar();
  course.time = 1;
  const Trace trace = Follow(Rule::kFrfb, ScalarProblem(0, 1, 1), course);
  EXPECT_FALSE(trace.reached.has_value());
  EXPECT_FALSE(trace.rate.has_value());
  EXPECT_FALSE(trace.diverged.has_value());
  EXPECT_EQ(trace.error.size(), 101u);
}

TEST(FollowTest, ADivergenceIsNoResult) {
  Course course;
  course.dt = .5;
  const Problem p = RandomProblem({10, 8, 8, 5}, {.1, 2, .3}, 1);
  for (const Rule rule : {Rule::kFrfb, Rule::kUrfb}) {
    const Trace trace = Follow(rule, p, course);
    ASSERT_TRUE(trace.diverged.has_value()) << NameOf(rule);
    EXPECT_GT(*trace.diverged, 0);
    EXPECT_LT(*trace.diverged, course.time);
    EXPECT_FALSE(trace.reached.has_value());
    EXPECT_FALSE(trace.rate.has_value());
    EXPECT_TRUE(trace.violations.empty());
    EXPECT_LT(trace.error.size(), 41u);
    for (const double error : trace.error) EXPECT_TRUE(std::isfinite(error));
  }
}

}  // namespace
}  // namespace hebb::theory
