// SPDX-License-Identifier: Apache-2.0
// What is proven: how a gang starts, loses members, stops and ends as docs/gang_protocol.md tells
// it, each bad case by itself. How: events with made-up times go in, effects come out.
#include <memory>

#include "server/control/worker_registry.h"
#include "tests/unit/server/control/gang_fixture.h"

namespace hebb::control {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// ---- the start ---------------------------------------------------------------------------------

TEST_F(GangTest, StartAssignsAllAndFormsWhenAllHaveReported) {
  Gang gang = Make(2);
  const Effects started = gang.Start({Worker("a"), Worker("b")}, now_);
  ASSERT_EQ(started.size(), 2u);
  EXPECT_EQ(std::get<Prepare>(started[0]).worker, "a");
  EXPECT_THAT(Report(gang, "a", 0, 0), IsEmpty());
  const Effects formed = Report(gang, "b", 0, 0);
  ASSERT_EQ(formed.size(), 3u);
  const Formation& formation = std::get<Commit>(formed[0]).formation;  // durable before it is told
  EXPECT_EQ(formation.generation.generation, 1);
  EXPECT_EQ(formation.backend, "gloo");
  EXPECT_EQ(formation.state_source, 0);
  EXPECT_THAT(formation.state_wanted, IsEmpty());
  EXPECT_EQ(Sent<FormGang>(formed, "a")[0].rank, 0);
  EXPECT_EQ(Sent<FormGang>(formed, "b")[0].rank, 1);
}

TEST_F(GangTest, DuplicateReportChangesNothing) {
  Gang gang = Started({"a", "b"});
  Report(gang, "a", 0, 0);
  EXPECT_THAT(Report(gang, "a", 0, 0), IsEmpty());
  Report(gang, "b", 0, 0);
  EXPECT_THAT(Report(gang, "b", 0, 0), IsEmpty());
  EXPECT_EQ(gang.generation(), 1);
}

TEST_F(GangTest, MemberLostBeforeItReportedIsLeftOut) {
  Gang gang = Started({"a", "b", "c"}, 2);
  Report(gang, "a", 0, 0);
  Report(gang, "b", 0, 0);
  const Effects effects = Pass(gang, absl::Seconds(3), {"a", "b"});
  const Lost* lost = FirstOf<Lost>(effects);
  ASSERT_NE(lost, nullptr);
  EXPECT_EQ(lost->text, "worker c (host host-c, no rank yet) lost: no heartbeat for 2s");
  EXPECT_THAT(SentTo<FormGang>(effects), ElementsAre("a", "b"));
}

TEST_F(GangTest, StartBelowMinimumIsLostAndReleasesTheRest) {
  Gang gang = Started({"a", "b"}, 2);
  Report(gang, "a", 0, 0);
  const Effects effects = Pass(gang, absl::Seconds(3), {"a"});
  const End* end = FirstOf<End>(effects);
  ASSERT_NE(end, nullptr);
  EXPECT_EQ(end->outcome, AttemptOutcome::kLost);
  EXPECT_THAT(end->reason, HasSubstr("1 of at least 2 workers are left; worker b (host host-b"));
  EXPECT_THAT(Sent<Release>(effects, "a"), ::testing::SizeIs(1));
  EXPECT_TRUE(gang.ended());
}

TEST_F(GangTest, WorkerThatCannotPrepareIsLeftOut) {
  Gang gang = Started({"a", "b"});
  Report(gang, "a", 0, 0);
  const Effects effects = Report(gang, "b", 0, 0, "disk full");
  EXPECT_THAT(FirstOf<Lost>(effects)->text, HasSubstr("it could not prepare: disk full"));
  EXPECT_TRUE(FirstOf<Lost>(effects)->unfit);
  EXPECT_THAT(SentTo<FormGang>(effects), ElementsAre("a"));
}

TEST_F(GangTest, FatalReportFailsTheJobWithItsCause) {
  Gang gang = Started({"a", "b"});
  MemberReport report = ReportOf(0, 0, "", "mnist: bad magic");
  report.fatal = true;
  const Effects effects = gang.OnReport("b", report, now_);
  const End* end = FirstOf<End>(effects);
  ASSERT_NE(end, nullptr);
  EXPECT_EQ(end->outcome, AttemptOutcome::kFailed);
  EXPECT_EQ(end->reason, "worker b (host host-b, no rank yet): mnist: bad magic");
  EXPECT_THAT(SentTo<Release>(effects), UnorderedElementsAre("a", "b"));
}

TEST_F(GangTest, EqualStepsWithOtherWeightsFailLoudly) {
  Gang gang = Formed({"a", "b"});
  Report(gang, "a", 1, 7, "connection reset", "xxx");
  const Effects effects = Report(gang, "b", 1, 7, "told", "yyy");
  const End* end = FirstOf<End>(effects);
  ASSERT_NE(end, nullptr);
  EXPECT_EQ(end->outcome, AttemptOutcome::kFailed);
  EXPECT_THAT(end->reason, HasSubstr("replicas differ at step 7: worker a (host host-a, rank 0) "
                                     "has weights xxx, worker b (host host-b, rank 1) has yyy"));
}

// ---- losing members ----------------------------------------------------------------------------

TEST_F(GangTest, FrozenMemberIsLeftOutAndTheOthersGoOn) {
  Gang gang = Formed({"a", "b", "c"});
  Effects effects = Pass(gang, absl::Milliseconds(2250), {"a", "c"});
  EXPECT_THAT(FirstOf<Lost>(effects)->text, HasSubstr("worker b (host host-b, rank 1) lost"));
  EXPECT_EQ(FirstOf<Close>(effects)->generation, 1);
  EXPECT_THAT(SentTo<LeaveGang>(effects), ElementsAre("a", "c"));
  EXPECT_TRUE(Sent<LeaveGang>(effects, "a")[0].now);
  EXPECT_THAT(SentTo<Release>(effects), ElementsAre("b"));  // should it wake up
  Report(gang, "c", 1, 10, "told to leave");
  effects = Report(gang, "a", 1, 9, "told to leave");
  const Formation& formation = FirstOf<Commit>(effects)->formation;
  EXPECT_EQ(formation.generation.generation, 2);
  EXPECT_EQ(formation.start_step, 10);
  EXPECT_EQ(formation.state_source, 1);  // c is rank 1 now
  EXPECT_THAT(formation.state_wanted, ElementsAre(0));
}

TEST_F(GangTest, DeadMemberIsGivenDetectWithinToComeBack) {
  Gang gang = Formed({"a", "b"});
  gang.OnStreamEnded("b", now_);
  EXPECT_EQ(FirstOf<Lost>(Pass(gang, absl::Seconds(2), {"a"})), nullptr);
  const Effects effects = Pass(gang, absl::Milliseconds(500), {"a"});
  ASSERT_NE(FirstOf<Lost>(effects), nullptr);
  EXPECT_THAT(FirstOf<Lost>(effects)->text, HasSubstr("its connection ended"));
}

TEST_F(GangTest, SurvivorsErrorBringsForwardTheLossOfAClosedStreamOnly) {
  Gang gang = Formed({"a", "b", "c"});
  gang.OnStreamEnded("b", now_);
  const Effects effects = Report(gang, "a", 1, 4, "connection reset by peer");
  ASSERT_NE(FirstOf<Lost>(effects), nullptr);
  EXPECT_EQ(FirstOf<Lost>(effects)->worker, "b");
  EXPECT_THAT(SentTo<LeaveGang>(effects), UnorderedElementsAre("b", "c"));
  EXPECT_THAT(SentTo<FormGang>(Report(gang, "c", 1, 4, "told")), ElementsAre("a", "c"));
}

TEST_F(GangTest, ErrorWithoutALossFormsANewGenerationOfAll) {
  Gang gang = Formed({"a", "b"});
  EXPECT_THAT(SentTo<LeaveGang>(Report(gang, "b", 1, 3, "timed out")), ElementsAre("a"));
  EXPECT_THAT(SentTo<FormGang>(Report(gang, "a", 1, 3, "told")), ElementsAre("a", "b"));
  EXPECT_EQ(gang.generation(), 2);
}

TEST_F(GangTest, TwoLossesWhileFormingLeaveTheRest) {
  Gang gang = Formed({"a", "b", "c", "d"});
  Pass(gang, absl::Milliseconds(2250), {"a", "c", "d"});  // b is lost
  Report(gang, "a", 1, 5, "told");
  // c dies while reports come in, then d reports, and c is lost: generation 2 of a and d.
  gang.OnStreamEnded("c", now_);
  EXPECT_THAT(SentTo<FormGang>(Report(gang, "d", 1, 5, "told")), ElementsAre("a", "d"));
  EXPECT_EQ(gang.generation(), 2);
}

TEST_F(GangTest, LossRightAfterFormingBreaksTheNewGenerationToo) {
  Gang gang = Formed({"a", "b", "c"});
  Pass(gang, absl::Milliseconds(2250), {"a", "c"});
  Report(gang, "a", 1, 5, "told");
  Report(gang, "c", 1, 5, "told");
  ASSERT_EQ(gang.generation(), 2);
  const Effects effects = Pass(gang, absl::Milliseconds(2250), {"a"});
  ASSERT_EQ(Sent<LeaveGang>(effects, "a").size(), 1u);
  EXPECT_EQ(Sent<LeaveGang>(effects, "a")[0].generation.generation, 2);
  EXPECT_THAT(SentTo<FormGang>(Report(gang, "a", 2, 5, "told")), ElementsAre("a"));
  EXPECT_EQ(gang.generation(), 3);
}

TEST_F(GangTest, LastMemberDeadIsLost) {
  Gang gang = Formed({"a"});
  gang.OnStreamEnded("a", now_);
  const Effects effects = Pass(gang, absl::Milliseconds(2500), {});
  ASSERT_NE(FirstOf<End>(effects), nullptr);
  EXPECT_EQ(FirstOf<End>(effects)->outcome, AttemptOutcome::kLost);
}

TEST_F(GangTest, BelowMinimumEndsTheAttemptOnceTheSurvivorHasReported) {
  Gang gang = Formed({"a", "b"}, 2);
  EXPECT_EQ(FirstOf<End>(Pass(gang, absl::Milliseconds(2250), {"a"})), nullptr);
  const Effects effects = Report(gang, "a", 1, 8, "told");
  ASSERT_NE(FirstOf<End>(effects), nullptr);
  EXPECT_EQ(FirstOf<End>(effects)->outcome, AttemptOutcome::kLost);
  EXPECT_THAT(SentTo<Release>(effects), ElementsAre("a"));
}

TEST_F(GangTest, FarewellIsALoss) {
  Gang gang = Formed({"a", "b"});
  const Effects effects = gang.OnFarewell("b", "SIGTERM", now_);
  EXPECT_THAT(FirstOf<Lost>(effects)->text, HasSubstr("it said farewell: SIGTERM"));
  EXPECT_THAT(SentTo<LeaveGang>(effects), ElementsAre("a"));
}

TEST_F(GangTest, MpiWorldEndsWithItsFirstLoss) {
  Gang gang = Formed({"a", "b", "c"}, 1, "world");
  const Effects effects = Pass(gang, absl::Milliseconds(2250), {"a", "c"});
  EXPECT_THAT(SentTo<LeaveGang>(effects), ElementsAre("a", "c"));
  ASSERT_NE(FirstOf<End>(effects), nullptr);
  EXPECT_EQ(FirstOf<End>(effects)->outcome, AttemptOutcome::kLost);
  ASSERT_NE(FirstOf<Retire>(effects), nullptr);
  EXPECT_TRUE(gang.ended());
}

TEST_F(GangTest, MpiMembersThatWereNeverToldOfTheirGenerationAreReleased) {
  Gang gang = Formed({"a", "b"}, 1, "world");
  const Effects effects = gang.Abandon("it could not be written down");
  EXPECT_THAT(SentTo<Release>(effects), ElementsAre("a", "b"));
}

TEST(WorkerRegistryTest, RetiredWorkerThatDoesNotExitIsIdleAgain) {
  class NoLink : public WorkerLink {
    bool Send(const ToWorker&) override { return true; }
    void Close() override {}
  };
  WorkerRegistry registry(absl::Minutes(1));
  registry.Attach(1, Worker("a", "world"), std::make_shared<NoLink>(), kStart);
  registry.Retire("a", kStart + absl::Seconds(30));
  EXPECT_FALSE(registry.Sweep(kStart + absl::Seconds(29)));
  EXPECT_TRUE(registry.Idle(kStart + absl::Seconds(29)).empty());
  EXPECT_TRUE(registry.Sweep(kStart + absl::Seconds(30)));  // the scheduler is to look again
  EXPECT_EQ(registry.Idle(kStart + absl::Seconds(30)).size(), 1);
}

TEST_F(GangTest, GenerationsThatGainNothingEndTheAttempt) {
  Gang gang = Formed({"a", "b"});
  Effects effects;
  for (int i = 0; i < 20 && !gang.ended(); ++i) {
    const int generation = gang.generation();
    Report(gang, "a", generation, 0, "cannot connect");
    effects = Report(gang, "b", generation, 0, "told");
  }
  ASSERT_NE(FirstOf<End>(effects), nullptr);
  EXPECT_THAT(FirstOf<End>(effects)->reason, HasSubstr("cannot connect"));
}

TEST_F(GangTest, MemberThatNeverLeavesIsLostInTheEnd) {
  Gang gang = Formed({"a", "b", "c"});
  gang.OnFarewell("b", "bye", now_);
  Report(gang, "a", 1, 5, "told");
  const Effects effects = Pass(gang, absl::Minutes(6), {"a", "c"});
  EXPECT_THAT(FirstOf<Lost>(effects)->text, HasSubstr("it did not leave its gang within 5m"));
  EXPECT_THAT(SentTo<FormGang>(effects), ElementsAre("a"));
}

TEST_F(GangTest, OurOwnStandstillIsNoDeath) {
  Gang gang = Formed({"a", "b"});
  now_ += absl::Minutes(5);
  gang.ForgiveSilence(now_);
  EXPECT_THAT(gang.OnTick(now_), IsEmpty());
  EXPECT_TRUE(gang.formed());
}

// ---- the end -----------------------------------------------------------------------------------

TEST_F(GangTest, RankZerosResultEndsTheAttempt) {
  Gang gang = Formed({"a", "b"});
  EXPECT_THAT(Result(gang, "b", 1, Outcome::kSucceeded), IsEmpty());
  Pass(gang, absl::Minutes(10), {"a", "b"});  // it is late: the checkpoint is on its way
  const Effects effects = Result(gang, "a", 1, Outcome::kSucceeded);
  ASSERT_EQ(std::get_if<End>(&effects[1])->outcome, AttemptOutcome::kSucceeded);
  EXPECT_THAT(SentTo<ResultAccepted>(effects), ElementsAre("a"));
  EXPECT_THAT(SentTo<Release>(effects), UnorderedElementsAre("a", "b"));
}

TEST_F(GangTest, RankZeroLostBeforeItsResultIsReplacedByTheOthers) {
  Gang gang = Formed({"a", "b"});
  Result(gang, "b", 1, Outcome::kSucceeded);
  EXPECT_THAT(SentTo<LeaveGang>(gang.OnFarewell("a", "killed", now_)), ElementsAre("b"));
  EXPECT_THAT(SentTo<FormGang>(Report(gang, "b", 1, 100, "told")), ElementsAre("b"));
  EXPECT_NE(FirstOf<End>(Result(gang, "b", 2, Outcome::kSucceeded)), nullptr);
}

TEST_F(GangTest, ResultOfAnOldGenerationCountsForNothing) {
  Gang gang = Formed({"a", "b"});
  Report(gang, "a", 1, 5, "reset");
  Report(gang, "b", 1, 5, "told");
  ASSERT_EQ(gang.generation(), 2);
  EXPECT_THAT(Result(gang, "a", 1, Outcome::kSucceeded), IsEmpty());
  EXPECT_THAT(Result(gang, "a", 1, Outcome::kFailed, "old"), IsEmpty());
  EXPECT_FALSE(gang.ended());
}

TEST_F(GangTest, ProgressCountsForTheCurrentGenerationOnly) {
  Gang gang = Formed({"a", "b"});
  Report(gang, "a", 1, 5, "reset");
  Report(gang, "b", 1, 5, "told");
  ASSERT_EQ(gang.generation(), 2);
  Progress progress;
  progress.generation = {"j-1", 1, 1};
  progress.step = 9;
  EXPECT_FALSE(gang.OnProgress("a", progress, now_));
  EXPECT_EQ(gang.highest_step(), 5);
  progress.generation.generation = 2;
  EXPECT_TRUE(gang.OnProgress("a", progress, now_));
  EXPECT_EQ(gang.highest_step(), 9);
  EXPECT_FALSE(gang.OnProgress("z", progress, now_)) << "z is no member";
}

TEST_F(GangTest, ResultThatCrossesALeaveIsStillGood) {
  Gang gang = Formed({"a", "b"});
  gang.OnFarewell("b", "done", now_);  // a is told to leave, but has finished
  const Effects effects = Result(gang, "a", 1, Outcome::kSucceeded);
  ASSERT_NE(FirstOf<End>(effects), nullptr);
  EXPECT_EQ(FirstOf<End>(effects)->outcome, AttemptOutcome::kSucceeded);
}

TEST_F(GangTest, FailedResultOfAnyRankFailsTheJobAndNamesIt) {
  Gang gang = Formed({"a", "b"});
  const Effects effects = Result(gang, "b", 1, Outcome::kFailed, "loss is NaN at step 3");
  EXPECT_EQ(FirstOf<End>(effects)->reason, "worker b (host host-b, rank 1): loss is NaN at step 3");
}

TEST_F(GangTest, EndedGangOnlyReleasesWhoStillSpeaksOfIt) {
  Gang gang = Formed({"a", "b"});
  Result(gang, "a", 1, Outcome::kSucceeded);
  EXPECT_THAT(SentTo<Release>(Result(gang, "a", 1, Outcome::kSucceeded)), ElementsAre("a"));
  EXPECT_THAT(SentTo<Release>(Report(gang, "b", 1, 5, "late")), ElementsAre("b"));
  EXPECT_THAT(Pass(gang, absl::Minutes(2), {}), IsEmpty());
  EXPECT_THAT(gang.RequestStop(AttemptOutcome::kCancelled, "cancelled", now_), IsEmpty());
}

// ---- stopping ----------------------------------------------------------------------------------

TEST_F(GangTest, StopGoesToRankZeroAndAllAnswer) {
  Gang gang = Formed({"a", "b"});
  EXPECT_THAT(SentTo<Stop>(gang.RequestStop(AttemptOutcome::kCancelled, "cancelled", now_)),
              ElementsAre("a"));
  EXPECT_THAT(Result(gang, "a", 1, Outcome::kStopped), IsEmpty());
  const Effects effects = Result(gang, "b", 1, Outcome::kStopped);
  ASSERT_NE(FirstOf<End>(effects), nullptr);
  EXPECT_EQ(FirstOf<End>(effects)->outcome, AttemptOutcome::kCancelled);
  EXPECT_TRUE(FirstOf<End>(effects)->result.has_value());
}

TEST_F(GangTest, StopWhileStartingReleasesAtOnce) {
  Gang gang = Started({"a", "b"});
  const Effects effects = gang.RequestStop(AttemptOutcome::kCancelled, "cancelled", now_);
  EXPECT_EQ(FirstOf<End>(effects)->outcome, AttemptOutcome::kCancelled);
  EXPECT_THAT(SentTo<Release>(effects), ElementsAre("a", "b"));
}

TEST_F(GangTest, StopWhileReformingReleasesAtOnce) {
  Gang gang = Formed({"a", "b", "c"});
  gang.OnFarewell("c", "bye", now_);
  const Effects effects = gang.RequestStop(AttemptOutcome::kCancelled, "cancelled", now_);
  EXPECT_EQ(FirstOf<End>(effects)->outcome, AttemptOutcome::kCancelled);
}

TEST_F(GangTest, LossWhileStoppingEndsTheStop) {
  Gang gang = Formed({"a", "b"});
  gang.RequestStop(AttemptOutcome::kCancelled, "cancelled", now_);
  const Effects effects = gang.OnFarewell("b", "killed", now_);
  EXPECT_EQ(FirstOf<End>(effects)->outcome, AttemptOutcome::kCancelled);
}

TEST_F(GangTest, StopThatNobodyAnswersEndsAfterItsDeadline) {
  Gang gang = Formed({"a", "b"});
  gang.RequestStop(AttemptOutcome::kCancelled, "cancelled", now_);
  const Effects effects = Pass(gang, absl::Minutes(3), {"a", "b"});
  ASSERT_NE(FirstOf<End>(effects), nullptr);
  EXPECT_THAT(FirstOf<End>(effects)->reason, HasSubstr("not all workers stopped within 2m"));
}

TEST_F(GangTest, JobThatEndsBeforeItIsStoppedKeepsItsEnd) {
  Gang gang = Formed({"a", "b"});
  gang.RequestStop(AttemptOutcome::kCancelled, "cancelled", now_);
  const Effects effects = Result(gang, "a", 1, Outcome::kSucceeded);
  EXPECT_EQ(FirstOf<End>(effects)->outcome, AttemptOutcome::kSucceeded);
}

}  // namespace
}  // namespace hebb::control
