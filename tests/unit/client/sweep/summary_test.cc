// SPDX-License-Identifier: Apache-2.0
// What is proven: the groups that the coordinator gives are shown as they are, and the best found.
#include "client/sweep/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/client/sweep/sample_sweep.h"

namespace hebb::client {
namespace {

const Metric& Validation() { return Metrics()[2]; }

TEST(SummaryTest, GroupsAreThoseOfTheSweep) {
  const std::vector<Group> groups = GroupsOf(SampleRecord().sweep);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].label, "rule=bp");
  EXPECT_EQ(groups[0].runs, (std::vector<int>{0, 2}));
  EXPECT_EQ(groups[1].point, (sweep::Point{{"learning.rule", "urfb"}}));
  EXPECT_DOUBLE_EQ(MeanOf(groups[0], Validation()).mean, 0.625);
  EXPECT_NEAR(*MeanOf(groups[0], Validation()).half_width, 12.706205 * 0.125, 1e-5);
  EXPECT_EQ(MeanOf(groups[1], Validation()).half_width, std::nullopt);
  EXPECT_EQ(MeanOf(groups[0], Metrics()[3]).n, 0) << "nobody has a test accuracy";
}

TEST(SummaryTest, TheBestIsTheHighestAccuracyAndTheLowestLoss) {
  SweepRecord record = SampleRecord();
  std::vector<Group> groups = GroupsOf(record.sweep);
  EXPECT_EQ(BestGroup(groups, Validation())->label, "rule=bp") << "the first of two";
  record.sweep.mutable_runs(3)->set_state(v1::SUCCEEDED);
  rpc::GroupRuns(record.sweep);
  groups = GroupsOf(record.sweep);
  EXPECT_EQ(BestGroup(groups, Validation())->label, "rule=urfb");
  EXPECT_EQ(BestGroup(groups, *FindMetric("train_loss"))->label, "rule=urfb");
  EXPECT_EQ(BestGroup(groups, *FindMetric("test_loss")), nullptr);
}

TEST(SummaryTest, AnUnknownMetricIsRefusedWithThoseThereAre) {
  const absl::Status status = FindMetric("accuracy").status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("validation_accuracy"));
}

TEST(SummaryTest, TextsHaveTheMetricsUnit) {
  EXPECT_EQ(EstimateText(Validation(), {3, 0.87123, 0.0045}), "87.12 ± 0.45 %");
  EXPECT_EQ(EstimateText(Metrics()[0], {3, 0.5, 0.25}), "0.5000 ± 0.2500");
  EXPECT_EQ(EstimateText(Validation(), {1, 0.875, std::nullopt}), "87.5 %");
  EXPECT_EQ(EstimateText(Validation(), {}), "");
  v1::Metrics metrics;
  metrics.set_train_loss(std::nan(""));
  EXPECT_EQ(ValueOf(metrics, Metrics()[0]), std::nullopt);
}

TEST(SummaryTest, JsonHasNumbersAndNulls) {
  const SweepRecord record = SampleRecord();
  const auto json = ToJson(record.sweep, GroupsOf(record.sweep));
  ASSERT_EQ(json.size(), 2u);
  EXPECT_EQ(json[0]["label"], "rule=bp");
  EXPECT_EQ(json[0]["point"]["learning.rule"], "bp");
  EXPECT_EQ(json[0]["jobs"][1], "j-bp2");
  EXPECT_EQ(json[0]["metrics"]["validation_accuracy"]["n"], 2);
  EXPECT_EQ(json[0]["metrics"]["validation_accuracy"]["mean"], 0.625);
  EXPECT_TRUE(json[0]["metrics"]["test_accuracy"].is_null());
  EXPECT_TRUE(json[1]["metrics"]["train_loss"]["half_width"].is_null());
}

}  // namespace
}  // namespace hebb::client
