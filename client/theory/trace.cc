// SPDX-License-Identifier: Apache-2.0
#include "client/theory/trace.h"

#include <cmath>
#include <utility>

#include "common/check.h"

namespace hebb::theory {
namespace {

constexpr int64_t kMostRecords = 400;
constexpr double kRounding = 1e-10;  // of |E|: below, its direction is noise

// Between (0, before) and (dt, after) on a logarithmic scale.
double CrossingWithin(double dt, double before, double after, double threshold) {
  if (after <= 0) return dt;
  return dt * std::log(before / threshold) / std::log(before / after);
}

}  // namespace

int64_t Course::steps() const { return std::llround(time / dt); }

int64_t Course::stride() const { return (steps() + kMostRecords - 1) / kMostRecords; }

Trace Follow(Rule rule, const Problem& problem, const Course& course,
             const std::function<void()>& at_record) {
  Trace trace;
  Network network = problem.start;
  InvariantWatch watch(rule, network);
  const double power = course.measure == Measure::kSquaredError ? 2 : 1;
  double start = 0, before = 1;
  for (int64_t step = 0; step <= course.steps(); ++step) {
    const bool record = step % course.stride() == 0;
    const Motion motion = record ? MotionWithRate(rule, network, problem.target)
                                 : MotionOf(rule, network, problem.target);
    const double norm = motion.error.norm();
    if (step == 0) start = norm;
    HEBB_CHECK(start > 0);
    const double error = std::pow(norm / start, power);
    if (!std::isfinite(error)) {
      return {.error = std::move(trace.error),
              .reached = std::nullopt,
              .diverged = static_cast<double>(step) * course.dt,
              .rate = std::nullopt,
              .final_rate = 0,
              .violations = {}};
    }
    if (!trace.reached && error <= course.threshold) {
      trace.reached = static_cast<double>(step - 1) * course.dt +
                      CrossingWithin(course.dt, before, error, course.threshold);
      trace.rate = MotionWithRate(rule, network, problem.target).rate;
    }
    before = error;
    if (record) {
      if (at_record) at_record();
      trace.error.push_back(error);
      watch.Observe(network);
      if (norm >= kRounding * start) trace.final_rate = motion.rate;
    }
    Advance(rule, course.integrator, course.dt, problem.target, motion, network);
  }
  trace.violations = watch.Violations();
  return trace;
}

}  // namespace hebb::theory
