// SPDX-License-Identifier: Apache-2.0
// Backfill, users and preemption by table, each case a small picture.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/scheduler/scheduler.h"
#include "tests/unit/server/scheduler/views.h"

namespace hebb::scheduler {
namespace {

using ::testing::ElementsAre;
// ---- backfill ----------------------------------------------------------------------------------

using ::testing::HasSubstr;
using ::testing::StartsWith;

// The head needs 3: w1 and w2 are idle, the third comes in 60 s.
View HeadWaits60(QueuedJob behind) {
  View view = See({Older(Job("head", 3, 3), 9), std::move(behind)}, "w1 w2");
  view.running = {Ends(Running("r", "w3"), 60)};
  return view;
}

TEST(PolicyTest, TheHeadsStartIsToldFromTheEndsOfRunningJobs) {
  const Decision decision = Schedule(HeadWaits60(Job("b", 1, 1)), kNow);
  ASSERT_EQ(decision.waits.size(), 2u);
  EXPECT_EQ(decision.waits[0].estimated_start, kNow + absl::Seconds(60));
  EXPECT_EQ(decision.waits[0].position, 1);
  ASSERT_EQ(decision.waits[0].holders.size(), 1u);
  EXPECT_EQ(decision.waits[0].holders[0].job, "r");
  EXPECT_EQ(decision.waits[1].estimated_start, absl::InfiniteFuture()) << "nobody can tell";
  EXPECT_EQ(decision.waits[1].position, 2);
  EXPECT_THAT(decision.kept, ElementsAre("w1", "w2"));
}

TEST(PolicyTest, AJobThatEndsBeforeTheHeadStartsGoesFirst) {
  EXPECT_THAT(Lines(HeadWaits60(RunsFor(Job("b", 1, 1), 60))),
              ElementsAre("b: w1", StartsWith("head? ")));
  EXPECT_THAT(Lines(HeadWaits60(RunsFor(Job("b", 1, 1), 61))),
              ElementsAre(StartsWith("head? "), HasSubstr("kept for job head")));
  EXPECT_THAT(Lines(HeadWaits60(Job("b", 1, 1))),
              ElementsAre(StartsWith("head? "), HasSubstr("kept for job head")));
  View view = HeadWaits60(RunsFor(Job("b", 1, 1), 60));
  view.policy.backfill = false;
  EXPECT_THAT(Lines(view), ElementsAre(StartsWith("head? "), StartsWith("b? ")));
}

TEST(PolicyTest, WhatTheHeadCannotUseAtItsStartIsFreeForAnyJob) {
  View view = See({Older(Job("head", 4, 4), 9), Job("b", 1, 1), Job("c", 1, 1)}, "w1 w2");
  view.running = {Ends(Running("r", "w3 w4 w5"), 60)};
  EXPECT_THAT(Lines(view), ElementsAre("b: w1", StartsWith("head? "), StartsWith("c? ")));
}

TEST(PolicyTest, AnEndThatNobodyKnowsOrThatIsOverMakesNoEstimate) {
  View view = HeadWaits60(RunsFor(Job("b", 1, 1), 1));
  for (const absl::Time end : {absl::InfiniteFuture(), kNow, kNow - absl::Seconds(9)}) {
    view.running[0].estimated_end = end;
    const Decision decision = Schedule(view, kNow);
    EXPECT_TRUE(decision.starts.empty());
    EXPECT_EQ(decision.waits[0].estimated_start, absl::InfiniteFuture());
  }
}

// ---- users -------------------------------------------------------------------------------------

TEST(PolicyTest, UsersTakeTurnsAndWhoUsedLessGoesFirst) {
  View view = See({Of("ann", Older(Job("a1", 1, 1), 9)), Of("ann", Older(Job("a2", 1, 1), 8)),
                   Of("bob", Job("b1", 1, 1)), Of("bob", Job("b2", 1, 1))},
                  "w1 w2 w3 w4");
  const auto order = [&] {
    std::string text;
    for (const QueuedJob* job : QueueOrder(view)) absl::StrAppend(&text, job->id, " ");
    return text;
  };
  EXPECT_EQ(order(), "a1 b1 a2 b2 ");
  view.users["ann"].usage = 1e6;
  EXPECT_EQ(order(), "b1 b2 a1 a2 ");
  view.users["ann"].usage = 0;
  view.users["bob"].weight = 4;
  EXPECT_EQ(order(), "a1 b1 b2 a2 ");
  view.users["bob"].weight = 1;
  view.running = {Running("r", "w9 w8")};
  view.running[0].user = "ann";
  EXPECT_EQ(order(), "b1 b2 a1 a2 ") << "what is held counts as used";
  view.jobs[1].priority = 1;
  EXPECT_EQ(order(), "a2 b1 b2 a1 ") << "priority goes before fair share";
}

TEST(PolicyTest, AUserAtItsLimitWaitsAndHoldsNobodyUp) {
  View view = See({Of("ann", Older(Job("a", 2, 1), 9)), Of("bob", Job("b", 1, 1))}, "w1 w2");
  view.running = {Running("r", "w9")};
  view.running[0].user = "ann";
  view.users["ann"].max_workers = 1;
  EXPECT_THAT(Lines(view), ElementsAre("b: w1", HasSubstr("user 'ann' holds 1 of the 1 workers")));
  view.users["ann"].max_workers = 2;  // room for one of the two it asks for
  EXPECT_THAT(Lines(view), ElementsAre("b: w1", "a: w2"));
}

// ---- preemption --------------------------------------------------------------------------------

View UrgentBeside(std::vector<RunningJob> running, int64_t workers) {
  View view = See({Urgent(Job("u", workers, workers), 5)}, "");
  view.running = std::move(running);
  return view;
}

TEST(PolicyTest, AJobOfStrictlyLowerPriorityMakesRoom) {
  EXPECT_THAT(Lines(UrgentBeside({Running("r", "w1", 4)}, 1)),
              ElementsAre("u? waits for 1 cpu worker: jobs of lower priority stop for it: r",
                          "r stops for u"));
  EXPECT_THAT(Lines(UrgentBeside({Running("r", "w1", 5)}, 1)), ElementsAre(StartsWith("u? ")));
  EXPECT_THAT(Lines(UrgentBeside({Running("r", "w1:cuda", 4)}, 1)),
              ElementsAre("u? no cpu worker is attached"));
}

TEST(PolicyTest, NobodyStopsInVain) {
  EXPECT_THAT(Lines(UrgentBeside({Running("r", "w1", 0), Running("s", "w2", 9)}, 2)),
              ElementsAre("u? waits for 2 cpu workers: 0 idle, 2 busy"));
  View off = UrgentBeside({Running("r", "w1", 4)}, 1);
  off.policy.preempt = false;
  EXPECT_THAT(Lines(off), ElementsAre(StartsWith("u? ")));
}

TEST(PolicyTest, TheLowestThenTheYoungestStopAndNoneTooMany) {
  RunningJob young = Running("young", "w1", 1);
  young.since += absl::Seconds(60);
  EXPECT_THAT(Lines(UrgentBeside({Running("old", "w2", 1), young, Running("high", "w3", 2)}, 1)),
              ElementsAre(StartsWith("u? "), "young stops for u"));
  // "low" alone is too small, with "big" there is no need of it.
  EXPECT_THAT(Lines(UrgentBeside({Running("low", "w1", 0), Running("big", "w2 w3", 1)}, 2)),
              ElementsAre(StartsWith("u? "), "big stops for u"));
}

TEST(PolicyTest, WhoStopsAlreadyIsWaitedFor) {
  RunningJob stopping = Running("s", "w1", 0);
  stopping.stopping = true;
  stopping.preemptible = false;
  EXPECT_THAT(Lines(UrgentBeside({stopping, Running("r", "w2", 0)}, 1)),
              ElementsAre("u? waits for 1 cpu worker: jobs of lower priority stop for it"));
}

TEST(PolicyTest, AnAttemptIsProtectedForAWhile) {
  View view = UrgentBeside({Running("r", "w1", 0)}, 1);
  view.running[0].since = kNow - view.policy.protect + absl::Seconds(1);
  const Decision decision = Schedule(view, kNow);
  EXPECT_TRUE(decision.preemptions.empty());
  EXPECT_EQ(decision.look_again, kNow + absl::Seconds(1));
  EXPECT_EQ(Schedule(view, decision.look_again).preemptions.size(), 1u);
}

TEST(PolicyTest, AGangLiesOnAsFewHostsAsCanBe) {
  View view = See({Job("a", 2, 2)}, "w1 w2 w3 w4 w5");
  const char* hosts[] = {"a", "b", "b", "b", "c"};
  for (size_t i = 0; i < view.idle.size(); ++i) view.idle[i].host = hosts[i];
  EXPECT_THAT(Lines(view), ElementsAre("a: w2 w3"));
  view.jobs[0].workers = view.jobs[0].min_workers = 1;
  EXPECT_THAT(Lines(view), ElementsAre("a: w1")) << "the large host stays whole";
}

}  // namespace
}  // namespace hebb::scheduler
