// SPDX-License-Identifier: Apache-2.0
// What is proven: runs are grouped by everything but their seed, and means are over what SUCCEEDED.
#include "server/rpc/sweep_groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace hebb::rpc {
namespace {

using testing::ElementsAre;

struct Run {
  std::vector<std::pair<std::string, std::string>> point;
  v1::JobState state = v1::SUCCEEDED;
  double accuracy = 0;
};

v1::Sweep SweepOf(const std::vector<Run>& runs) {
  v1::Sweep sweep;
  for (const Run& each : runs) {
    v1::SweepRun& run = *sweep.add_runs();
    for (const auto& [key, value] : each.point) {
      v1::GridValue& entry = *run.add_point();
      entry.set_key(key);
      entry.set_value(value);
    }
    run.set_state(each.state);
    run.mutable_metrics()->set_validation_accuracy(each.accuracy);
  }
  GroupRuns(sweep);
  return sweep;
}

// The runs begin with two rules of one seed; the second rule's second run goes on.
v1::Sweep TwoRules() {
  return SweepOf({{{{"learning.rule", "bp"}, {"seed", "1"}}, v1::SUCCEEDED, 0.5},
                  {{{"learning.rule", "urfb"}, {"seed", "1"}}, v1::SUCCEEDED, 0.625},
                  {{{"learning.rule", "bp"}, {"seed", "2"}}, v1::SUCCEEDED, 0.75},
                  {{{"learning.rule", "urfb"}, {"seed", "2"}}, v1::RUNNING, 0.875}});
}

TEST(SweepGroupsTest, GroupsDifferInMoreThanTheSeed) {
  const v1::Sweep sweep = TwoRules();
  ASSERT_EQ(sweep.groups_size(), 2);
  EXPECT_EQ(sweep.groups(0).label(), "rule=bp");
  EXPECT_THAT(sweep.groups(0).runs(), ElementsAre(0, 2));
  EXPECT_EQ(sweep.groups(0).succeeded(), 2);
  EXPECT_EQ(sweep.groups(1).label(), "rule=urfb");
  EXPECT_EQ(sweep.groups(1).succeeded(), 1);
  ASSERT_EQ(sweep.groups(1).point_size(), 1);
  EXPECT_EQ(sweep.groups(1).point(0).key(), "learning.rule");
  EXPECT_EQ(sweep.groups(1).point(0).value(), "urfb");
}

TEST(SweepGroupsTest, ASweepOverSeedsAloneIsOneGroup) {
  const v1::Sweep sweep = SweepOf({{{{"seed", "1"}}}, {{{"seed", "2"}}}});
  ASSERT_EQ(sweep.groups_size(), 1);
  EXPECT_EQ(sweep.groups(0).label(), "all");
  EXPECT_EQ(sweep.groups(0).runs_size(), 2);
}

TEST(SweepGroupsTest, MeansLeaveOutWhatHasNotSucceeded) {
  const v1::Sweep sweep = TwoRules();
  ASSERT_EQ(sweep.groups(0).means_size(), 1) << "no run has another metric";
  const v1::SweepMean& bp = sweep.groups(0).means(0);
  EXPECT_EQ(bp.metric(), "validation_accuracy");
  EXPECT_EQ(bp.n(), 2);
  EXPECT_DOUBLE_EQ(bp.mean(), 0.625);
  EXPECT_NEAR(bp.half_width(), 12.706205 * 0.125, 1e-5);
  const v1::SweepMean& urfb = sweep.groups(1).means(0);
  EXPECT_EQ(urfb.n(), 1);
  EXPECT_FALSE(urfb.has_half_width());
}

TEST(SweepGroupsTest, WhatIsNotFiniteHasNoMean) {
  const v1::Sweep sweep = SweepOf({{{{"seed", "1"}}, v1::SUCCEEDED, std::nan("")}});
  EXPECT_EQ(sweep.groups(0).succeeded(), 1);
  EXPECT_EQ(sweep.groups(0).means_size(), 0);
}

TEST(SweepGroupsTest, GroupsAreMadeAnewEachTime) {
  v1::Sweep sweep = TwoRules();
  GroupRuns(sweep);
  EXPECT_EQ(sweep.groups_size(), 2);
  sweep.clear_runs();
  GroupRuns(sweep);
  EXPECT_EQ(sweep.groups_size(), 0);
}

}  // namespace
}  // namespace hebb::rpc
