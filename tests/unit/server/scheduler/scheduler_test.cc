// SPDX-License-Identifier: Apache-2.0
// The scheduler's rules about gangs by table, each case a small picture.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/scheduler/scheduler.h"
#include "tests/unit/server/scheduler/views.h"

namespace hebb::scheduler {
namespace {

using ::testing::ElementsAre;

TEST(SchedulerTest, AnEmptyQueueNeedsNothing) {
  EXPECT_THAT(Lines(See({}, "w1 w2")), ElementsAre());
}

TEST(SchedulerTest, AGangTakesAsManyAsItWantsInOrderOfTheirIds) {
  EXPECT_THAT(Lines(See({Job("a", 2, 1)}, "w3 w1 w2")), ElementsAre("a: w1 w2"));
}

TEST(SchedulerTest, AGangStartsWithFewerDownToItsMinimum) {
  EXPECT_THAT(Lines(See({Job("a", 4, 2)}, "w1 w2 w3")), ElementsAre("a: w1 w2 w3"));
  EXPECT_THAT(Lines(See({Job("a", 4, 2)}, "w1 w2")), ElementsAre("a: w1 w2"));
  EXPECT_THAT(Lines(See({Job("a", 4, 2)}, "w1", "w2")),
              ElementsAre("a? waits for 2 to 4 cpu workers: 1 idle, 1 busy"));
}

TEST(SchedulerTest, AGangIsAllOrNothing) {
  EXPECT_THAT(Lines(See({Job("a", 2, 2)}, "w1", "w2")),
              ElementsAre("a? waits for 2 cpu workers: 1 idle, 1 busy"));
  EXPECT_THAT(Lines(See({Job("a", 3, 3)}, "w1", "w2")),
              ElementsAre("a? waits for 3 cpu workers: 1 idle, 1 busy; more must attach"));
}

TEST(SchedulerTest, NoWorkerOfTheAskedKindIsSaid) {
  EXPECT_THAT(Lines(See({Job("a", 1, 1, "cuda")}, "w1 w2")),
              ElementsAre("a? no cuda worker is attached"));
  EXPECT_THAT(Lines(See({Job("a", 1, 1, "any")}, "")), ElementsAre("a? no worker is attached"));
  EXPECT_THAT(Lines(See({Job("a", 1, 1)}, "", "w1")),
              ElementsAre("a? waits for 1 cpu worker: 0 idle, 1 busy"));
}

TEST(SchedulerTest, PriorityGoesBeforeAgeAndAgeBeforeId) {
  EXPECT_THAT(
      Lines(See({Job("c", 1, 1), Older(Job("b", 1, 1), 9), Urgent(Job("a", 1, 1), 1)}, "w1")),
      ElementsAre("a: w1", testing::StartsWith("b? "), testing::StartsWith("c? ")));
  EXPECT_THAT(Lines(See({Job("c", 1, 1), Older(Job("b", 1, 1), 9), Job("a", 1, 1)}, "w1 w2")),
              ElementsAre("b: w1", "a: w2", "c? waits for 1 cpu worker: 0 idle, 2 busy"));
  EXPECT_THAT(Lines(See({Older(Job("a", 1, 1), 9), Urgent(Job("b", 1, 1), -1)}, "w1")),
              ElementsAre("a: w1", testing::StartsWith("b? ")));
}

TEST(SchedulerTest, AWaitingJobKeepsTheIdleWorkersItCouldUse) {
  EXPECT_THAT(Lines(See({Older(Job("big", 3, 3), 9), Job("small", 1, 1)}, "w1 w2", "w3")),
              ElementsAre("big? waits for 3 cpu workers: 2 idle, 1 busy",
                          "small? waits for 1 cpu worker: the idle ones are kept for job big, "
                          "which is before it in the queue"));
}

TEST(SchedulerTest, AJobBehindTakesWhatTheHeadCannotUse) {
  EXPECT_THAT(
      Lines(See({Older(Job("big", 3, 3), 9), Job("gpu", 1, 1, "cuda")}, "w1 w2 g1:cuda", "w3")),
      ElementsAre("gpu: g1", testing::StartsWith("big? ")));
}

TEST(SchedulerTest, AJobThatCanNeverStartWithTheseWorkersHoldsNobodyUp) {
  EXPECT_THAT(
      Lines(See({Older(Job("huge", 9, 9), 9), Job("small", 1, 1)}, "w1", "w2")),
      ElementsAre("small: w1", "huge? waits for 9 cpu workers: 1 idle, 1 busy; more must attach"));
}

TEST(SchedulerTest, EveryWaitingJobKeepsNotOnlyTheFirst) {
  EXPECT_THAT(Lines(See({Older(Job("a", 2, 2), 9), Older(Job("b", 2, 2, "cuda"), 5),
                         Job("c", 1, 1, "cuda")},
                        "w1 g1:cuda", "w2 g2:cuda")),
              ElementsAre(testing::StartsWith("a? "), testing::StartsWith("b? "),
                          testing::HasSubstr("kept for job b")));
}

TEST(SchedulerTest, APauseBetweenAttemptsKeepsNothing) {
  QueuedJob paused = Older(Job("a", 1, 1), 9);
  paused.not_before = kNow + absl::Milliseconds(2500);
  EXPECT_THAT(Lines(See({paused, Job("b", 1, 1)}, "w1")),
              ElementsAre("b: w1", "a? pauses after a lost attempt; starts again in 3 s"));
  paused.not_before = kNow;
  EXPECT_THAT(Lines(See({paused}, "w1")), ElementsAre("a: w1"));
}

TEST(SchedulerTest, AGangIsOfOneDeviceKind) {
  EXPECT_THAT(Lines(See({Job("a", 2, 2, "any")}, "w1 g1:cuda", "w2")),
              ElementsAre("a? waits for 2 workers: 2 idle, 1 busy; the idle ones are of 2 kinds "
                          "(device, kernel family or MPI world), a gang is of one"));
  EXPECT_THAT(Lines(See({Job("a", 2, 1, "any")}, "w1 g1:cuda")), ElementsAre("a: g1"));
  EXPECT_THAT(Lines(See({Job("a", 2, 1, "any")}, "w1 w2 g1:cuda")), ElementsAre("a: w1 w2"));
}

TEST(SchedulerTest, AGpuMustHaveTheMemoryThatIsAskedFor) {
  const QueuedJob job = Needs(Job("a", 1, 1, "cuda"), 40);
  EXPECT_THAT(Lines(See({job}, "g1:cuda:::24 g2:cuda:::80")), ElementsAre("a: g2"));
  EXPECT_THAT(Lines(See({job}, "g1:cuda:::24 w1", "g2:cuda:::16")),
              ElementsAre("a? waits for 1 cuda worker with 40 GiB: the largest GPU attached has "
                          "24 GiB"));
  EXPECT_THAT(Lines(See({job}, "g1:cuda:::80:8", "g2:cuda:::80 g3:cuda:::24")),
              ElementsAre("a? waits for 1 cuda worker with 40 GiB: 0 idle, 1 busy, 1 idle without "
                          "that much free"));
  EXPECT_THAT(Lines(See({Needs(Job("a", 3, 2, "cuda"), 40)},
                        "g1:cuda:::80 g2:cuda:::24 g3:cuda:::80 g4:cuda:::24")),
              ElementsAre("a: g1 g3"));
  EXPECT_THAT(Lines(See({Older(job, 9), Job("b", 2, 2, "cuda")},
                        "g1:cuda:::24 g2:cuda:::80 "
                        "g3:cuda:::24")),
              ElementsAre("a: g2", "b: g1 g3"));
  EXPECT_THAT(Lines(See({Needs(Job("a", 1, 1, "any"), 40)}, "g1:cuda:::24 w1")),
              ElementsAre("a: w1"))
      << "a worker without a GPU has no such memory to lack";
}

TEST(SchedulerTest, AJobMakesRoomOnlyWhereTheMemoryIs) {
  View view = See({Urgent(Needs(Job("a", 1, 1, "cuda"), 40), 1)}, "");
  view.running = {Running("small", "g1:cuda:::24"), Running("large", "g2:cuda:::80")};
  EXPECT_THAT(Lines(view),
              ElementsAre(testing::StartsWith("a? waits for 1 cuda worker with 40 GiB: jobs of"),
                          "large stops for a"));
  view.running.pop_back();
  EXPECT_THAT(Lines(view), ElementsAre(testing::HasSubstr("the largest GPU attached has 24 GiB")));
}

TEST(SchedulerTest, AGangIsOfOneKernelFamily) {
  EXPECT_THAT(Lines(See({Job("a", 3, 1)}, "w1:cpu:avx2 w2:cpu:avx512 w3:cpu:avx512")),
              ElementsAre("a: w2 w3"));
  EXPECT_THAT(Lines(See({Job("a", 3, 3)}, "w1:cpu:avx2 w2:cpu:avx512 w3:cpu:avx512")),
              ElementsAre(testing::HasSubstr("are of 2 kinds")));
}

TEST(SchedulerTest, OfEqualGangsTheTighterFitIsTaken) {
  EXPECT_THAT(Lines(See({Job("a", 2, 2)}, "w1:cpu:x w2:cpu:x w3:cpu:x w4:cpu:y w5:cpu:y")),
              ElementsAre("a: w4 w5"));
}

TEST(SchedulerTest, AGangLiesInOneMpiWorldOrInNone) {
  const std::string m = "m1:cpu::A m2:cpu::A w1";
  EXPECT_THAT(Lines(See({Job("a", 3, 1)}, m)), ElementsAre("a: m1 m2"));
  EXPECT_THAT(Lines(See({Job("a", 3, 3)}, m)), ElementsAre(testing::StartsWith("a? ")));
  EXPECT_THAT(Lines(See({Job("a", 1, 1)}, m)), ElementsAre("a: w1"));
}

TEST(SchedulerTest, AWorldRunsOneJobAtATime) {
  const std::string world = "m1:cpu::A m2:cpu::A m3:cpu::A";
  EXPECT_THAT(Lines(See({Older(Job("a", 1, 1), 9), Job("b", 1, 1)}, world)),
              ElementsAre("a: m1",
                          "b? waits for 1 cpu worker: 2 idle, 1 busy; "
                          "an MPI world runs one job at a time"));
  EXPECT_THAT(Lines(See({Job("b", 1, 1)}, "m2:cpu::A", "m1:cpu::A")),
              ElementsAre("b? waits for 1 cpu worker: 1 idle, 1 busy; "
                          "an MPI world runs one job at a time"));
  EXPECT_THAT(Lines(See({Job("b", 1, 1)}, "m2:cpu::B", "m1:cpu::A")), ElementsAre("b: m2"));
}

}  // namespace
}  // namespace hebb::scheduler
