// SPDX-License-Identifier: Apache-2.0
// What is proven: who is out of reach, who joins, who comes back and what it holds against what it
// should hold, as docs/gang_protocol.md tells it. How: as gang_test.cc.
#include "tests/unit/server/control/gang_fixture.h"

namespace hebb::control {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// ---- a whole gang out of reach -----------------------------------------------------------------

TEST_F(GangTest, SilenceOfAllIsUnreachableNotLostUntilTheLeaseEnds) {
  Gang gang = Formed({"a", "b"});
  Effects effects = Pass(gang, absl::Seconds(50), {});
  EXPECT_TRUE(gang.unreachable());
  EXPECT_EQ(FirstOf<Lost>(effects), nullptr);
  effects = Pass(gang, absl::Seconds(15), {});
  ASSERT_NE(FirstOf<End>(effects), nullptr);
  EXPECT_THAT(FirstOf<End>(effects)->reason, HasSubstr("no worker of the gang was in touch"));
}

TEST_F(GangTest, GangThatIsHeardAgainGoesOn) {
  Gang gang = Formed({"a", "b"});
  Pass(gang, absl::Seconds(30), {});
  ASSERT_TRUE(gang.unreachable());
  Effects effects = Pass(gang, absl::Seconds(1), {"a"});
  EXPECT_EQ(FirstOf<Lost>(effects), nullptr);
  effects = Pass(gang, absl::Seconds(20), {"a", "b"});
  EXPECT_EQ(FirstOf<Lost>(effects), nullptr);
  EXPECT_TRUE(gang.formed());
  EXPECT_FALSE(gang.unreachable());
}

// ---- joining -----------------------------------------------------------------------------------

TEST_F(GangTest, JoinerComesInAtAStepBoundary) {
  Gang gang = Formed({"a", "b", "c"});
  gang.OnFarewell("c", "bye", now_);
  Report(gang, "a", 1, 5, "told");
  Report(gang, "b", 1, 5, "told");
  ASSERT_TRUE(gang.CanTakeJoiner());
  EXPECT_NE(FirstOf<Prepare>(gang.OnJoiner(Worker("d"), now_)), nullptr);
  Effects effects = Report(gang, "d", 0, 0);
  ASSERT_THAT(SentTo<LeaveGang>(effects), ElementsAre("a"));  // rank 0 tells the others
  EXPECT_FALSE(Sent<LeaveGang>(effects, "a")[0].now);
  EXPECT_THAT(SentTo<LeaveGang>(Report(gang, "b", 2, 9)), IsEmpty());
  effects = Report(gang, "a", 2, 9);
  const Formation& formation = FirstOf<Commit>(effects)->formation;
  EXPECT_EQ(formation.members.size(), 3u);
  EXPECT_EQ(formation.start_step, 9);
  EXPECT_THAT(formation.state_wanted, ElementsAre(2));
}

TEST_F(GangTest, JoinerThatIsNotReadyDelaysNobody) {
  Gang gang = Formed({"a", "b", "c"});
  gang.OnFarewell("c", "bye", now_);
  gang.OnJoiner(Worker("d"), now_);
  Report(gang, "a", 1, 5, "told");
  EXPECT_THAT(SentTo<FormGang>(Report(gang, "b", 1, 5, "told")), ElementsAre("a", "b"));
}

TEST_F(GangTest, JoinerIsWaitedForWhereTheGangIsBelowItsMinimum) {
  Gang gang = Formed({"a", "b"}, 2);
  gang.OnFarewell("b", "bye", now_);
  gang.OnJoiner(Worker("d"), now_);
  EXPECT_THAT(Report(gang, "a", 1, 5, "told"), IsEmpty());
  EXPECT_THAT(SentTo<FormGang>(Report(gang, "d", 0, 0)), ElementsAre("a", "d"));
}

TEST_F(GangTest, JoinerLostBeforeItJoinedChangesNothingForTheOthers) {
  Gang gang = Formed({"a", "b", "c"});
  gang.OnFarewell("c", "bye", now_);
  Report(gang, "a", 1, 5, "told");
  Report(gang, "b", 1, 5, "told");
  gang.OnJoiner(Worker("d"), now_);
  const Effects effects = gang.OnFarewell("d", "bye", now_);
  EXPECT_THAT(SentTo<LeaveGang>(effects), IsEmpty());
  EXPECT_TRUE(gang.formed());
}

TEST_F(GangTest, JoinerThatCannotPrepareIsLeftOutAndTheGangRunsOn) {
  for (const bool fatal : {true, false}) {
    Gang gang = Formed({"a", "b", "c"});
    gang.OnFarewell("c", "bye", now_);
    Report(gang, "a", 1, 5, "told");
    Report(gang, "b", 1, 5, "told");
    gang.OnJoiner(Worker("d"), now_);
    MemberReport report = ReportOf(0, 0, "", "no space left in its data folder");
    report.fatal = fatal;
    const Effects effects = gang.OnReport("d", report, now_);
    ASSERT_EQ(effects.size(), 2u) << "more than its release and its loss";
    EXPECT_THAT(SentTo<Release>(effects), ElementsAre("d"));
    const Lost* lost = FirstOf<Lost>(effects);
    ASSERT_NE(lost, nullptr);
    EXPECT_TRUE(lost->unfit);
    EXPECT_EQ(lost->text,
              "worker d (host host-d, no rank yet) left out: it could not prepare: no space left "
              "in its data folder");
    EXPECT_TRUE(gang.formed());
    EXPECT_FALSE(gang.HasMember("d"));
    EXPECT_TRUE(gang.CanTakeJoiner());
  }
}

TEST_F(GangTest, JoinerThatCannotPrepareAndWasNeededEndsTheAttemptAsLost) {
  Gang gang = Formed({"a", "b"}, 2);
  gang.OnFarewell("b", "bye", now_);
  gang.OnJoiner(Worker("d"), now_);
  Report(gang, "a", 1, 5, "told");
  MemberReport report = ReportOf(0, 0, "", "disk full");
  report.fatal = true;
  const Effects effects = gang.OnReport("d", report, now_);
  ASSERT_NE(FirstOf<End>(effects), nullptr);
  EXPECT_EQ(FirstOf<End>(effects)->outcome, AttemptOutcome::kLost);
  EXPECT_THAT(FirstOf<End>(effects)->reason, HasSubstr("could not prepare: disk full"));
}

TEST_F(GangTest, MemberThatJoinedFailsTheJobLikeAnyOther) {
  Gang gang = Formed({"a", "b"});
  gang.OnFarewell("b", "bye", now_);
  gang.OnJoiner(Worker("d"), now_);
  Report(gang, "d", 0, 0);
  Report(gang, "a", 1, 5, "told");
  ASSERT_EQ(gang.generation(), 2);
  MemberReport report = ReportOf(2, 6, "x", "loss is nan");
  report.fatal = true;
  EXPECT_EQ(FirstOf<End>(gang.OnReport("d", report, now_))->outcome, AttemptOutcome::kFailed);
}

TEST_F(GangTest, MemberLostDuringAPlannedLeaveFreesThoseWhoWaitForIt) {
  Gang gang = Formed({"a", "b", "c", "x"});
  gang.OnFarewell("x", "bye", now_);
  for (const char* id : {"a", "b", "c"}) Report(gang, id, 1, 5, "told");
  gang.OnJoiner(Worker("d"), now_);
  Report(gang, "d", 0, 0);
  Report(gang, "a", 2, 9);
  const Effects effects = gang.OnFarewell("b", "killed", now_);
  EXPECT_THAT(SentTo<LeaveGang>(effects), ElementsAre("c"));
  EXPECT_THAT(SentTo<FormGang>(Report(gang, "c", 2, 8, "told")), ElementsAre("a", "c", "d"));
}

TEST_F(GangTest, NoJoinerForAnMpiWorldOrAFullGang) {
  EXPECT_FALSE(Formed({"a", "b"}).CanTakeJoiner());
  Gang gang = Make(3);
  gang.Start({Worker("a", "w"), Worker("b", "w")}, now_);
  EXPECT_FALSE(gang.CanTakeJoiner());
}

// ---- coming back -------------------------------------------------------------------------------

TEST_F(GangTest, AllBackAfterARestartAreTheGangAgain) {
  Gang gang = Make(2);
  EXPECT_THAT(gang.Restore(3, Members({"a", "b"}), now_), IsEmpty());
  EXPECT_TRUE(gang.unreachable());
  EXPECT_THAT(Pass(gang, absl::Seconds(30), {}), IsEmpty());
  EXPECT_THAT(gang.OnAttached(Worker("a"), Held(3, true), now_), IsEmpty());
  EXPECT_THAT(Pass(gang, absl::Seconds(4), {"a"}), IsEmpty());
  EXPECT_THAT(gang.OnAttached(Worker("b"), Held(3, true), now_), IsEmpty());
  EXPECT_THAT(Pass(gang, absl::Seconds(30), {"a", "b"}), IsEmpty());
  EXPECT_TRUE(gang.formed());
  EXPECT_EQ(gang.generation(), 3);
}

TEST_F(GangTest, SomeBackAfterARestartGoOnWithoutTheOthers) {
  Gang gang = Make(2);
  gang.Restore(3, Members({"a", "b"}), now_);
  gang.OnAttached(Worker("a"), Held(3, true), now_);
  const Effects effects = Pass(gang, absl::Seconds(7), {"a"});
  EXPECT_EQ(FirstOf<Lost>(effects)->worker, "b");
  EXPECT_THAT(SentTo<LeaveGang>(effects), ElementsAre("a"));
  EXPECT_THAT(SentTo<FormGang>(Report(gang, "a", 3, 8, "told")), ElementsAre("a"));
  EXPECT_EQ(gang.generation(), 4);
}

TEST_F(GangTest, NoneBackWithinTheLeaseIsLost) {
  Gang gang = Make(2);
  gang.Restore(3, Members({"a", "b"}), now_);
  EXPECT_THAT(Pass(gang, absl::Seconds(59), {}), IsEmpty());
  const Effects effects = Pass(gang, absl::Seconds(2), {});
  ASSERT_NE(FirstOf<End>(effects), nullptr);
  EXPECT_EQ(FirstOf<End>(effects)->outcome, AttemptOutcome::kLost);
}

TEST_F(GangTest, BrokenGangBackAfterARestartGetsANewGeneration) {
  Gang gang = Make(2);
  gang.Restore(3, Members({"a", "b"}), now_);
  gang.OnAttached(Worker("a"), Held(3, false), now_);
  gang.OnAttached(Worker("b"), Held(3, false), now_);
  Report(gang, "a", 3, 8, "peer closed");
  EXPECT_THAT(SentTo<FormGang>(Report(gang, "b", 3, 8, "peer closed")), ElementsAre("a", "b"));
}

TEST_F(GangTest, MembersThatMissedTheStoredGenerationReportAndAreFormedAnew) {
  Gang gang = Make(2);
  gang.Restore(3, Members({"a", "b"}), now_);  // durable, but nobody was told of 3
  gang.OnAttached(Worker("a"), Held(2, false), now_);
  gang.OnAttached(Worker("b"), Held(2, false), now_);
  Report(gang, "a", 2, 8);
  EXPECT_THAT(SentTo<FormGang>(Report(gang, "b", 2, 8)), ElementsAre("a", "b"));
  EXPECT_EQ(gang.generation(), 4);
}

TEST_F(GangTest, StrangerWithAnOldGenerationIsReleased) {
  Gang gang = Formed({"a", "b"});
  EXPECT_THAT(SentTo<Release>(gang.OnAttached(Worker("z"), Held(1, true), now_)), ElementsAre("z"));
}

TEST_F(GangTest, MemberBackWithoutItsStateIsLost) {
  Gang gang = Formed({"a", "b"});
  gang.OnStreamEnded("b", now_);
  const Effects effects = gang.OnAttached(Worker("b"), std::nullopt, now_);
  EXPECT_THAT(FirstOf<Lost>(effects)->text, HasSubstr("it came back without its state"));
}

TEST_F(GangTest, AssignmentThatDidNotArriveIsSentAgain) {
  Gang gang = Started({"a", "b"});
  gang.OnStreamEnded("b", now_);
  const Effects effects = gang.OnAttached(Worker("b"), std::nullopt, now_);
  ASSERT_NE(FirstOf<Prepare>(effects), nullptr);
  EXPECT_EQ(FirstOf<Prepare>(effects)->worker, "b");
}

TEST_F(GangTest, StreamThatComesBackInTimeHarmsNothing) {
  Gang gang = Formed({"a", "b"});
  gang.OnStreamEnded("b", now_);
  Pass(gang, absl::Seconds(1), {"a"});
  EXPECT_THAT(gang.OnAttached(Worker("b"), Held(1, true), now_), IsEmpty());
  EXPECT_THAT(Pass(gang, absl::Seconds(10), {"a", "b"}), IsEmpty());
}

TEST_F(GangTest, RankZeroBackIsToldAgainToStop) {
  Gang gang = Formed({"a", "b"});
  gang.OnStreamEnded("a", now_);
  EXPECT_THAT(gang.RequestStop(AttemptOutcome::kCancelled, "cancelled", now_), IsEmpty());
  EXPECT_THAT(SentTo<Stop>(gang.OnAttached(Worker("a"), Held(1, true), now_)), ElementsAre("a"));
}

TEST_F(GangTest, NoGenerationIsFormedWithAMemberThatIsAway) {
  Gang gang = Started({"a", "b"});
  Report(gang, "a", 0, 0);
  gang.OnStreamEnded("a", now_);
  EXPECT_THAT(Report(gang, "b", 0, 0), IsEmpty());
  EXPECT_THAT(SentTo<FormGang>(gang.OnAttached(Worker("a"), Held(0, false, 0), now_)),
              ElementsAre("a", "b"));
}

TEST_F(GangTest, JoinerOfTheLastCoordinatorIsKept) {
  Gang gang = Make(2);
  gang.Restore(1, Members({"a"}), now_);
  gang.OnAttached(Worker("a"), Held(1, true), now_);
  EXPECT_THAT(gang.OnAttached(Worker("d"), Held(0, false), now_), IsEmpty());
  EXPECT_TRUE(gang.HasMember("d"));
  EXPECT_THAT(SentTo<LeaveGang>(Report(gang, "d", 0, 0)), ElementsAre("a"));
}

}  // namespace
}  // namespace hebb::control
