// SPDX-License-Identifier: Apache-2.0
// The comparison of the rules has the outcome that docs/theory.md states: its scalar table in full,
// and of the tables of matrices the order and, with few starts, roughly the times.
#include "client/theory/experiment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "absl/strings/str_split.h"

namespace hebb::theory {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

const Result& Of(const Report& report, double feedback, Rule rule) {
  for (const Result& result : report.results) {
    if (result.feedback == feedback && result.rule == rule) return result;
  }
  ADD_FAILURE() << "no result of " << NameOf(rule) << " at " << feedback;
  return report.results[0];
}

Experiment ScalarTable() {
  Experiment experiment;
  experiment.scalars = Scalars();
  experiment.feedback = {.25, .5, 1, 2};
  experiment.course.integrator = Integrator::kRk4;
  experiment.course.measure = Measure::kError;
  return experiment;
}

TEST(RunExperimentTest, TellsHowFarItIsWithoutRepeatedCases) {
  Experiment experiment = ScalarTable();
  experiment.course.time = 1;  // 101 moments of BP, and of 4 cases of each other rule
  int64_t calls = 0, last = 0;
  const auto report = RunExperiment(experiment, [&](int64_t done, int64_t total) {
    ++calls;
    EXPECT_GT(done, last);
    EXPECT_EQ(total, 9 * 101);
    last = done;
  });
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(calls, 9 * 101);
  EXPECT_EQ(last, 9 * 101);
}

TEST(RunExperimentTest, ScalarTableIsReproduced) {
  struct Row {
    double r0, frfb_time, urfb_time, frfb_rate, urfb_rate;
  };
  const Row rows[] = {{.25, 7.56, 4.16, .94, 2.25},
                      {.5, 4.77, 3.33, 1.49, 2.55},
                      {1, 3.00, 2.48, 2.37, 3.15},
                      {2, 1.89, 1.73, 3.76, 4.30}};
  const auto report = RunExperiment(ScalarTable());
  ASSERT_TRUE(report.ok()) << report.status();
  for (const Row& row : rows) {
    const Result& frfb = Of(*report, row.r0, Rule::kFrfb);
    const Result& urfb = Of(*report, row.r0, Rule::kUrfb);
    EXPECT_NEAR(frfb.time.median, row.frfb_time, .01 * row.frfb_time) << row.r0;
    EXPECT_NEAR(urfb.time.median, row.urfb_time, .01 * row.urfb_time) << row.r0;
    EXPECT_NEAR(frfb.rate->median, row.frfb_rate, .01 * row.frfb_rate) << row.r0;
    EXPECT_NEAR(urfb.rate->median, row.urfb_rate, .01 * row.urfb_rate) << row.r0;
    EXPECT_GT(urfb.final_rate->median, frfb.final_rate->median) << row.r0;
    EXPECT_NEAR(Of(*report, row.r0, Rule::kBp).time.median, 9.21, .01) << row.r0;
  }
}

TEST(RunExperimentTest, UpdatedFeedbackIsFasterWithTwoLayers) {
  Experiment experiment;
  experiment.matrices.seeds = 4;
  experiment.feedback = {.1, .3};
  experiment.course.time = 6.5;
  const auto report = RunExperiment(experiment);
  ASSERT_TRUE(report.ok()) << report.status();
  const double expected[][3] = {{3.71, 4.75, 2.95}, {3.71, 2.08, 1.77}};
  for (size_t i = 0; i < experiment.feedback.size(); ++i) {
    const double feedback = experiment.feedback[i];
    for (const Rule rule : experiment.rules) {
      const Result& result = Of(*report, feedback, rule);
      EXPECT_EQ(result.reached, 4);
      EXPECT_EQ(result.diverged, 0);
      const double time = expected[i][static_cast<int>(rule)];
      EXPECT_NEAR(result.time.median, time, .12 * time) << NameOf(rule) << " " << feedback;
      EXPECT_LE(result.time.lower, result.time.median);
      EXPECT_LE(result.time.median, result.time.upper);
      for (const Violation& v : result.violations) EXPECT_LT(v.relative, .03) << v.name;
    }
    EXPECT_LT(Of(*report, feedback, Rule::kUrfb).time.upper,
              Of(*report, feedback, Rule::kFrfb).time.lower);
    EXPECT_LT(Of(*report, feedback, Rule::kUrfb).error.back().median,
              .1 * Of(*report, feedback, Rule::kFrfb).error.back().median)
        << "the late errors are far apart";
  }
}

TEST(RunExperimentTest, UpdatedFeedbackIsFasterWithThreeLayers) {
  Experiment experiment;
  experiment.matrices.layers = {40, 30, 30, 10};
  experiment.matrices.std_w = .1;
  experiment.matrices.seeds = 3;
  experiment.feedback = {.3};
  experiment.course.time = 6;
  const auto report = RunExperiment(experiment);
  ASSERT_TRUE(report.ok()) << report.status();
  const double bp = Of(*report, .3, Rule::kBp).time.median;
  const double frfb = Of(*report, .3, Rule::kFrfb).time.median;
  const double urfb = Of(*report, .3, Rule::kUrfb).time.median;
  EXPECT_LT(urfb, frfb);
  EXPECT_LT(frfb, bp);
  EXPECT_NEAR(bp, 4.59, .2 * 4.59);
  EXPECT_NEAR(frfb, 2.49, .2 * 2.49);
  EXPECT_NEAR(urfb, 1.71, .2 * 1.71);
}

TEST(RunExperimentTest, DivergedStartsAreCountedNotAveraged) {
  Experiment experiment;
  experiment.matrices.layers = {10, 8, 8, 5};
  experiment.matrices.seeds = 3;
  experiment.feedback = {2};
  experiment.course.dt = .5;
  const auto report = RunExperiment(experiment);
  ASSERT_TRUE(report.ok()) << report.status();
  const Result& urfb = Of(*report, 2, Rule::kUrfb);
  EXPECT_EQ(urfb.diverged, 3);
  EXPECT_EQ(urfb.reached, 0);
  EXPECT_EQ(urfb.time.median, kInfinity);
  EXPECT_EQ(urfb.error.back().lower, kInfinity);
  EXPECT_FALSE(urfb.final_rate.has_value());
  EXPECT_GT(*urfb.first_divergence, 0);
  EXPECT_EQ(Of(*report, 2, Rule::kBp).diverged, 0);
  EXPECT_THAT(ToCsv(*report), HasSubstr("2,urfb,20,inf,inf,inf\n"));
}

TEST(RunExperimentTest, TheSameExperimentIsTheSameReport) {
  Experiment experiment;
  experiment.matrices.layers = {5, 4, 3};
  experiment.matrices.seeds = 3;
  experiment.feedback = {.1, .5};
  const std::string csv = ToCsv(*RunExperiment(experiment));
  EXPECT_EQ(csv, ToCsv(*RunExperiment(experiment)));
  EXPECT_THAT(csv, StartsWith("feedback,rule,time,error,error_lower_quartile,error_upper_quartile\n"
                              "0.1,bp,0,1,1,1\n0.1,bp,0.05,"));
  const std::vector<std::string> lines = absl::StrSplit(csv, '\n');
  EXPECT_EQ(lines.size(), 1 + 2 * 3 * 401 + 1u);
  experiment.matrices.first_seed = 2;
  EXPECT_NE(csv, ToCsv(*RunExperiment(experiment)));
}

TEST(RunExperimentTest, RefusesWhatMakesNoSense) {
  const auto refused = [](void (*change)(Experiment&), bool scalar = false) {
    Experiment experiment = scalar ? ScalarTable() : Experiment();
    change(experiment);
    return RunExperiment(experiment).status().code() == absl::StatusCode::kInvalidArgument;
  };
  EXPECT_TRUE(refused([](Experiment& e) { e.course.dt = 0; }));
  EXPECT_TRUE(refused([](Experiment& e) { e.course.dt = std::nan(""); }));
  EXPECT_TRUE(refused([](Experiment& e) { e.course.time = e.course.dt / 2; }));
  EXPECT_TRUE(refused([](Experiment& e) { e.course.time = 1e8; }));
  EXPECT_TRUE(refused([](Experiment& e) { e.course.threshold = 1; }));
  EXPECT_TRUE(refused([](Experiment& e) { e.matrices.layers = {3}; }));
  EXPECT_TRUE(refused([](Experiment& e) { e.matrices.layers = {3, 0, 2}; }));
  EXPECT_TRUE(refused([](Experiment& e) { e.matrices.std_w = -1; }));
  EXPECT_TRUE(refused([](Experiment& e) { e.matrices.std_target = 0; }));
  EXPECT_TRUE(refused([](Experiment& e) { e.matrices.seeds = 0; }));
  EXPECT_TRUE(refused([](Experiment& e) { e.feedback = {}; }));
  EXPECT_TRUE(refused([](Experiment& e) { e.feedback = {-.1}; }));
  EXPECT_TRUE(refused([](Experiment& e) { e.rules = {}; }));
  EXPECT_TRUE(refused([](Experiment& e) { e.scalars->target = 0; }, true));
  EXPECT_TRUE(refused([](Experiment& e) { e.scalars->bp_start = 0; }, true));
  EXPECT_TRUE(refused([](Experiment& e) { e.scalars->bp_start = 1; }, true));
}

TEST(QuartilesTest, InterpolatesAndKeepsInfinity) {
  const Quartiles one = QuartilesOf({5});
  EXPECT_EQ(one.lower, 5);
  EXPECT_EQ(one.upper, 5);
  const Quartiles four = QuartilesOf({4, 1, 3, 2});
  EXPECT_DOUBLE_EQ(four.lower, 1.75);
  EXPECT_DOUBLE_EQ(four.median, 2.5);
  EXPECT_DOUBLE_EQ(four.upper, 3.25);
  const Quartiles late = QuartilesOf({1, 2, kInfinity, kInfinity});
  EXPECT_DOUBLE_EQ(late.lower, 1.75);
  EXPECT_EQ(late.median, kInfinity);
  EXPECT_EQ(QuartilesOf({1, 2, kInfinity}).median, 2);
}

}  // namespace
}  // namespace hebb::theory
