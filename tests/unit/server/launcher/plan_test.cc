// SPDX-License-Identifier: Apache-2.0
#include "server/launcher/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace hebb::launcher {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const absl::Time kNow = absl::FromUnixSeconds(1'000'000);

Held Pending(const std::string& name, int64_t asked_before = 10) {
  Held held;
  held.name = name;
  held.device = "cpu";
  held.asked = kNow - absl::Seconds(asked_before);
  return held;
}

Held Running(const std::string& name, absl::Duration since) {
  Held held = Pending(name);
  held.state = LaunchState::kRunning;
  held.running_since = kNow - since;
  return held;
}

Held Busy(const std::string& name) {
  Held held = Running(name, absl::Hours(1));
  held.attached = true;
  return held;
}

Held Idle(const std::string& name, absl::Duration since) {
  Held held = Busy(name);
  held.idle = true;
  held.idle_since = kNow - since;
  return held;
}

PlanOptions Options(int64_t max_workers = 8) {
  PlanOptions options;
  options.max_workers = max_workers;
  return options;
}

// "cpu:j1" for each worker asked for.
std::vector<std::string> Asks(const Plan& plan) {
  std::vector<std::string> asks;
  for (const Plan::Ask& ask : plan.asks) asks.push_back(absl::StrCat(ask.device, ":", ask.job));
  return asks;
}

std::vector<std::string> LetGos(const Plan& plan) {
  std::vector<std::string> names;
  for (const LetGo& each : plan.let_go) names.push_back(each.name);
  return names;
}

TEST(Plan, AsksForWhatAJobLacks) {
  PlanView view;
  view.wanting = {{"j1", "cpu", 3, 1}, {"j2", "cuda", 1, 1}};
  EXPECT_THAT(Asks(MakePlan(Options(), view, kNow)),
              ElementsAre("cpu:j1", "cpu:j1", "cpu:j1", "cuda:j2"));
}

TEST(Plan, AsksNotTwiceForTheSameJob) {
  PlanView view;
  view.wanting = {{"j1", "cpu", 3, 1}};
  view.held = {Pending("a"), Running("b", absl::Seconds(3)), Idle("c", absl::Seconds(1))};
  const Plan plan = MakePlan(Options(), view, kNow);
  EXPECT_THAT(plan.asks, IsEmpty());
  EXPECT_THAT(plan.let_go, IsEmpty());
}

TEST(Plan, TakesStandingWorkersFirstAndLetsTheOthersGo) {
  PlanView view;
  view.wanting = {{"j1", "cpu", 2, 1}};
  view.standing_idle = {{"cpu", 2}};
  view.held = {Pending("a")};
  const Plan plan = MakePlan(Options(), view, kNow);
  EXPECT_THAT(plan.asks, IsEmpty());
  EXPECT_THAT(LetGos(plan), ElementsAre("a"));
}

TEST(Plan, BusyWorkersAreOfNoUseToAWaitingJobAndCountAsHeld) {
  PlanView view;
  view.wanting = {{"j1", "cpu", 4, 1}};
  view.held = {Busy("a"), Busy("b")};
  EXPECT_THAT(Asks(MakePlan(Options(3), view, kNow)), ElementsAre("cpu:j1"));
}

TEST(Plan, AsksForNothingWhereTheLeastIsOutOfReachAndSaysSo) {
  PlanView view;
  view.wanting = {{"j1", "cpu", 9, 5}, {"j2", "cpu", 2, 2}};
  const Plan plan = MakePlan(Options(4), view, kNow);
  EXPECT_THAT(Asks(plan), ElementsAre("cpu:j2", "cpu:j2"));
  ASSERT_TRUE(plan.refused.contains("j1"));
  EXPECT_THAT(plan.refused.at("j1"), HasSubstr("needs 5 and 4 are within reach"));
}

TEST(Plan, AnElasticJobGetsWhatTheLimitLeaves) {
  PlanView view;
  view.wanting = {{"j1", "cpu", 9, 1}};
  EXPECT_EQ(MakePlan(Options(4), view, kNow).asks.size(), 4U);
}

TEST(Plan, ARunningJobThatLostAWorkerGetsAnother) {
  PlanView view;
  view.wanting = {{"j1", "cpu", 1, 0}};
  view.held = {Busy("a")};
  EXPECT_THAT(Asks(MakePlan(Options(), view, kNow)), ElementsAre("cpu:j1"));
}

TEST(Plan, AnyDeviceTakesWhatIsThereAndAsksForTheConfigured) {
  PlanView view;
  view.wanting = {{"j1", "any", 2, 1}};
  view.standing_idle = {{"cuda", 2}};
  EXPECT_THAT(MakePlan(Options(), view, kNow).asks, IsEmpty());
  view.standing_idle.clear();
  PlanOptions options = Options();
  options.any_device = "cuda";
  EXPECT_THAT(Asks(MakePlan(options, view, kNow)), ElementsAre("cuda:j1", "cuda:j1"));
}

TEST(Plan, WaitsWithAskingAfterARefusal) {
  PlanView view;
  view.wanting = {{"j1", "cpu", 2, 1}};
  view.ask_not_before = kNow + absl::Seconds(7);
  const Plan plan = MakePlan(Options(), view, kNow);
  EXPECT_THAT(plan.asks, IsEmpty());
  EXPECT_EQ(plan.look_again, view.ask_not_before);
  EXPECT_EQ(MakePlan(Options(), view, view.ask_not_before).asks.size(), 2U);
}

TEST(Plan, LetsPendingOnesGoTheYoungestFirst) {
  PlanView view;
  view.wanting = {{"j1", "cpu", 1, 1}};
  view.held = {Pending("old", 60), Pending("young", 5)};
  EXPECT_THAT(LetGos(MakePlan(Options(), view, kNow)), ElementsAre("young"));
}

TEST(Plan, LetsIdleOnesGoAfterTheirTimeButNoneThatIsWantedOrBusy) {
  PlanView view;
  view.held = {Idle("a", absl::Minutes(6)), Idle("b", absl::Minutes(4)), Busy("c")};
  Plan plan = MakePlan(Options(), view, kNow);
  EXPECT_THAT(LetGos(plan), ElementsAre("a"));
  EXPECT_EQ(plan.look_again, kNow + absl::Minutes(1));
  view.wanting = {{"j1", "cpu", 1, 1}};
  // The one that was idle last is kept for the job.
  plan = MakePlan(Options(), view, kNow);
  EXPECT_THAT(LetGos(plan), ElementsAre("a"));
  view.wanting = {{"j1", "cpu", 2, 1}};
  EXPECT_THAT(MakePlan(Options(), view, kNow).let_go, IsEmpty());
}

TEST(Plan, OneThatDoesNotAttachInTimeIsLetGoAsFailedAndReplaced) {
  PlanView view;
  view.wanting = {{"j1", "cpu", 1, 1}};
  view.held = {Running("a", absl::Minutes(6))};
  const Plan plan = MakePlan(Options(1), view, kNow);
  ASSERT_THAT(LetGos(plan), ElementsAre("a"));
  EXPECT_TRUE(plan.let_go.front().failed);
  EXPECT_THAT(Asks(plan), ElementsAre("cpu:j1"));
}

TEST(Plan, OneThatIsToldToEndIsCountedNoMore) {
  PlanView view;
  view.wanting = {{"j1", "cpu", 1, 1}};
  view.held = {Idle("a", absl::Minutes(9))};
  view.held.front().letting_go = true;
  const Plan plan = MakePlan(Options(1), view, kNow);
  EXPECT_THAT(plan.let_go, IsEmpty());
  EXPECT_THAT(Asks(plan), ElementsAre("cpu:j1"));
}

TEST(Plan, NeverHoldsMoreThanItMayWhateverIsAsked) {
  for (int64_t held = 0; held <= 6; ++held) {
    for (int64_t most = 1; most <= 9; ++most) {
      PlanView view;
      view.wanting = {{"j1", "cpu", most, 0}, {"j2", "any", most, 1}, {"j3", "cuda", 2, 1}};
      for (int64_t i = 0; i < held; ++i) view.held.push_back(Busy(absl::StrCat("w", i)));
      const Plan plan = MakePlan(Options(6), view, kNow);
      EXPECT_LE(static_cast<int64_t>(plan.asks.size()) + held, 6) << held << " " << most;
    }
  }
}

}  // namespace
}  // namespace hebb::launcher
