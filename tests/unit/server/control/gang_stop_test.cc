// SPDX-License-Identifier: Apache-2.0
// What is proven: a gang that is paused, preempted or drained loses no step, and one that drains
// goes on without those that leave. How: as gang_test.cc.
#include "tests/unit/server/control/gang_fixture.h"

namespace hebb::control {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// ---- slow steps --------------------------------------------------------------------------------

// Steps of four minutes: who is asked to leave or to stop in the midst of one is not given up for
// taking longer than what a common step takes.
TEST_F(GangTest, SlowStepIsNoDeathWhenTheGangIsLeft) {
  Gang gang = Formed({"a", "b", "c"});
  Pass(gang, absl::Minutes(4), {"a", "b", "c"});
  gang.OnProgress("a", {{"j-1", 1, 1}, 1}, now_);
  gang.OnFarewell("b", "bye", now_);
  Report(gang, "a", 1, 1, "told");
  EXPECT_EQ(FirstOf<Lost>(Pass(gang, absl::Minutes(10), {"a", "c"})), nullptr);
  Report(gang, "c", 1, 1, "told");
  EXPECT_TRUE(gang.formed());
}

TEST_F(GangTest, SlowStepIsWaitedForWhenItIsStopped) {
  Gang gang = Formed({"a"});
  Pass(gang, absl::Minutes(8), {"a"});
  gang.OnProgress("a", {{"j-1", 1, 1}, 2}, now_);  // two steps
  gang.RequestStop(AttemptOutcome::kPaused, "paused", now_);
  EXPECT_EQ(FirstOf<End>(Pass(gang, absl::Minutes(10), {"a"})), nullptr);
  const Effects ended = Result(gang, "a", 1, Outcome::kStopped);
  EXPECT_TRUE(FirstOf<End>(ended)->result.has_value()) << "the step is kept";
}

// But not for ever.
TEST_F(GangTest, TenSlowStepsAreTheEndOfPatience) {
  Gang gang = Formed({"a", "b"});
  Pass(gang, absl::Minutes(1), {"a", "b"});
  gang.OnProgress("a", {{"j-1", 1, 1}, 1}, now_);
  gang.RequestStop(AttemptOutcome::kCancelled, "cancelled", now_);
  const Effects effects = Pass(gang, absl::Minutes(11), {"a", "b"});
  ASSERT_NE(FirstOf<End>(effects), nullptr);
  EXPECT_THAT(FirstOf<End>(effects)->reason, HasSubstr("not all workers stopped within 10m"));
}

// ---- pause and preemption ----------------------------------------------------------------------

TEST_F(GangTest, PauseStopsRankZeroWithACheckpointAndEndsAsPaused) {
  Gang gang = Formed({"a", "b"});
  const Effects asked = gang.RequestStop(AttemptOutcome::kPaused, "paused", now_);
  EXPECT_THAT(SentTo<Stop>(asked), ElementsAre("a"));
  EXPECT_TRUE(Sent<Stop>(asked, "a")[0].checkpoint);
  EXPECT_THAT(Result(gang, "b", 1, Outcome::kStopped), IsEmpty());
  const Effects ended = Result(gang, "a", 1, Outcome::kStopped);
  ASSERT_NE(FirstOf<End>(ended), nullptr);
  EXPECT_EQ(FirstOf<End>(ended)->outcome, AttemptOutcome::kPaused);
  EXPECT_EQ(FirstOf<End>(ended)->result->step, 100);
}

TEST_F(GangTest, PauseOfAGangThatHasNotBegunEndsAtOnce) {
  Gang gang = Started({"a", "b"});
  const Effects ended = gang.RequestStop(AttemptOutcome::kPaused, "paused", now_);
  ASSERT_NE(FirstOf<End>(ended), nullptr);
  EXPECT_EQ(FirstOf<End>(ended)->outcome, AttemptOutcome::kPaused);
}

TEST_F(GangTest, MemberLostWhilePausingCostsNoStep) {
  Gang gang = Formed({"a", "b"});
  gang.RequestStop(AttemptOutcome::kPaused, "paused", now_);
  const Effects lost = gang.OnFarewell("a", "killed", now_);
  EXPECT_EQ(FirstOf<End>(lost), nullptr);  // b has a state that no checkpoint has
  const Effects formed = Report(gang, "b", 1, 41, "told");
  EXPECT_THAT(SentTo<FormGang>(formed), ElementsAre("b"));
  EXPECT_THAT(SentTo<Stop>(formed), ElementsAre("b"));
  const Effects ended = Result(gang, "b", 2, Outcome::kStopped);
  EXPECT_EQ(FirstOf<End>(ended)->outcome, AttemptOutcome::kPaused);
}

TEST_F(GangTest, PauseBetweenGenerationsFormsTheNextOneFirst) {
  Gang gang = Formed({"a", "b"});
  Report(gang, "a", 1, 41, "connection reset");
  EXPECT_THAT(gang.RequestStop(AttemptOutcome::kPreempted, "preempted", now_), IsEmpty());
  const Effects formed = Report(gang, "b", 1, 41, "told");
  EXPECT_THAT(SentTo<FormGang>(formed), ElementsAre("a", "b"));
  EXPECT_THAT(SentTo<Stop>(formed), ElementsAre("a"));
}

TEST_F(GangTest, NobodyLeftWhilePausingIsLost) {
  Gang gang = Formed({"a"});
  gang.RequestStop(AttemptOutcome::kPaused, "paused", now_);
  const Effects ended = gang.OnFarewell("a", "killed", now_);
  ASSERT_NE(FirstOf<End>(ended), nullptr);
  EXPECT_EQ(FirstOf<End>(ended)->outcome, AttemptOutcome::kLost);
}

// ---- draining ----------------------------------------------------------------------------------

TEST_F(GangTest, DrainedMemberLeavesAtAStepBoundaryAndTheOthersGoOn) {
  Gang gang = Formed({"a", "b", "c"});
  const Effects asked = gang.OnDrain("b", true, now_);
  ASSERT_THAT(SentTo<LeaveGang>(asked), ElementsAre("a"));  // rank 0 tells the others
  EXPECT_FALSE(Sent<LeaveGang>(asked, "a")[0].now);
  EXPECT_THAT(gang.OnDrain("b", true, now_), IsEmpty());
  Report(gang, "a", 1, 7);
  Report(gang, "b", 1, 7);
  const Effects formed = Report(gang, "c", 1, 7);
  EXPECT_THAT(SentTo<Release>(formed), ElementsAre("b"));
  EXPECT_TRUE(FirstOf<Lost>(formed)->planned);
  EXPECT_THAT(SentTo<FormGang>(formed), ElementsAre("a", "c"));
  EXPECT_EQ(FirstOf<Commit>(formed)->formation.start_step, 7);
}

TEST_F(GangTest, LastMemberThatDrainsStopsWithACheckpoint) {
  Gang gang = Formed({"a", "b"}, 2);
  const Effects asked = gang.OnDrain("b", true, now_);
  EXPECT_THAT(SentTo<Stop>(asked), ElementsAre("a"));
  Result(gang, "b", 1, Outcome::kStopped);
  const Effects ended = Result(gang, "a", 1, Outcome::kStopped);
  EXPECT_EQ(FirstOf<End>(ended)->outcome, AttemptOutcome::kPreempted);
  EXPECT_THAT(FirstOf<End>(ended)->reason, HasSubstr("drain"));
}

TEST_F(GangTest, AllThatDrainAtOnceStopTogether) {
  Gang gang = Formed({"a", "b"});
  gang.OnDrain("a", true, now_);
  const Effects second = gang.OnDrain("b", true, now_);
  EXPECT_THAT(SentTo<Stop>(second), ElementsAre("a"));
}

TEST_F(GangTest, DrainedMemberThatAloneHasTheNewestStateHandsItOn) {
  Gang gang = Formed({"a", "b"});
  gang.OnDrain("a", true, now_);
  Report(gang, "b", 1, 6, "connection reset");  // it breaks before the boundary
  const Effects formed = Report(gang, "a", 1, 7, "told");
  EXPECT_THAT(SentTo<FormGang>(formed), ElementsAre("a", "b"));
  EXPECT_EQ(FirstOf<Commit>(formed)->formation.state_source, 0);
  EXPECT_THAT(SentTo<LeaveGang>(formed), ElementsAre("a"));  // and leaves at the next step
}

TEST_F(GangTest, MemberThatDrainsWhileItPreparesIsLetGoAtOnce) {
  Gang gang = Started({"a", "b"});
  const Effects effects = gang.OnDrain("b", true, now_);
  EXPECT_THAT(SentTo<Release>(effects), ElementsAre("b"));
  EXPECT_THAT(SentTo<FormGang>(Report(gang, "a", 0, 0)), ElementsAre("a"));
}

TEST_F(GangTest, OnlyMemberThatDrainsWhileItPreparesCountsAsNoLoss) {
  Gang gang = Started({"a"});
  const Effects ended = gang.OnDrain("a", true, now_);
  ASSERT_NE(FirstOf<End>(ended), nullptr);
  EXPECT_EQ(FirstOf<End>(ended)->outcome, AttemptOutcome::kPreempted);
}

TEST_F(GangTest, DrainTakenBackKeepsTheMember) {
  Gang gang = Formed({"a", "b"});
  gang.OnDrain("b", true, now_);
  gang.OnDrain("b", false, now_);
  Report(gang, "a", 1, 7);
  EXPECT_THAT(SentTo<FormGang>(Report(gang, "b", 1, 7)), ElementsAre("a", "b"));
}

TEST_F(GangTest, MpiWorldThatDrainsStopsAsAWhole) {
  Gang gang = Formed({"a", "b", "c"}, 1, "world");
  EXPECT_THAT(SentTo<Stop>(gang.OnDrain("c", true, now_)), ElementsAre("a"));
}

}  // namespace
}  // namespace hebb::control
