// SPDX-License-Identifier: Apache-2.0
// What is proven: an attempt that ends badly says which member it was, where, and at which step;
// what only follows from a fault is not taken for it. How: as gang_test.cc.
#include "tests/unit/server/control/gang_fixture.h"

namespace hebb::control {
namespace {

using ::testing::HasSubstr;

job::Failure FailureOf(const Effects& effects) {
  const End* end = FirstOf<End>(effects);
  EXPECT_NE(end, nullptr);
  if (end == nullptr || !end->failure) return {};
  return *end->failure;
}

TEST_F(GangTest, FatalReportIsTheFailure) {
  Gang gang = Formed({"a", "b"});
  MemberReport report = ReportOf(1, 41, "digest", "step 42: the loss is not finite");
  report.fatal = true;
  const job::Failure failure = FailureOf(gang.OnReport("b", report, now_));
  EXPECT_EQ(failure.attempt, 1);
  EXPECT_EQ(failure.rank, 1);
  EXPECT_EQ(failure.worker, "b");
  EXPECT_EQ(failure.host, "host-b");
  EXPECT_EQ(failure.device, "cpu");
  EXPECT_EQ(failure.step, 41);
  EXPECT_EQ(failure.error, "step 42: the loss is not finite");
}

TEST_F(GangTest, FatalReportCountsMoreThanWhatItDidToTheOthers) {
  Gang gang = Formed({"a", "b"});
  Report(gang, "a", 1, 41, "connection reset by peer");
  MemberReport report = ReportOf(1, 41, "digest-41", "a damaged record");
  report.fatal = true;
  EXPECT_EQ(FailureOf(gang.OnReport("b", report, now_)).worker, "b");
}

TEST_F(GangTest, FailedResultIsTheFailure) {
  Gang gang = Formed({"a"});
  const job::Failure failure = FailureOf(Result(gang, "a", 1, Outcome::kFailed, "no disk left"));
  EXPECT_EQ(failure.rank, 0);
  EXPECT_EQ(failure.step, 100);
  EXPECT_EQ(failure.error, "no disk left");
}

TEST_F(GangTest, LostMemberIsTheFaultOfALostAttempt) {
  Gang gang = Formed({"a", "b"}, /*min_workers=*/2);
  gang.OnProgress("a", {{"j-1", 1, 1}, 30}, now_);
  gang.OnFarewell("b", "killed", now_);
  const job::Failure failure = FailureOf(Report(gang, "a", 1, 31, "told"));
  EXPECT_EQ(failure.worker, "b");
  EXPECT_EQ(failure.rank, 1);
  EXPECT_EQ(failure.step, 30);
  EXPECT_THAT(failure.error, HasSubstr("killed"));
}

TEST_F(GangTest, LossCountsMoreThanTheErrorItCausesAndTheFirstLossMost) {
  Gang gang = Formed({"a", "b", "c"}, /*min_workers=*/3);
  gang.OnStreamEnded("b", now_);
  Report(gang, "a", 1, 31, "connection reset by peer");  // b's stream is gone, so b is lost
  EXPECT_EQ(FailureOf(gang.OnFarewell("c", "killed too", now_)).worker, "b");
}

TEST_F(GangTest, FaultThatTheGangGotOverIsForgotten) {
  Gang gang = Formed({"a", "b"});
  gang.OnFarewell("b", "killed", now_);
  Report(gang, "a", 1, 31, "told");
  ASSERT_TRUE(gang.formed());
  gang.RequestStop(AttemptOutcome::kFailed, "max_runtime", now_);
  const job::Failure failure = FailureOf(Result(gang, "a", 2, Outcome::kStopped));
  EXPECT_EQ(failure.worker, "");
  EXPECT_EQ(failure.rank, -1);
  EXPECT_EQ(failure.error, "max_runtime");
}

TEST_F(GangTest, JoinerThatCannotPrepareIsNoFaultOfTheGang) {
  Gang gang = Make(2);
  gang.Start({Worker("a")}, now_);
  Report(gang, "a", 0, 0);
  gang.OnJoiner(Worker("c"), now_);
  Report(gang, "c", 0, 0, "its disk is full");
  EXPECT_EQ(FailureOf(gang.OnFarewell("a", "killed", now_)).worker, "a");
}

TEST_F(GangTest, GoodEndsHaveNoFailure) {
  Gang gang = Formed({"a"});
  const Effects ended = Result(gang, "a", 1, Outcome::kSucceeded);
  ASSERT_NE(FirstOf<End>(ended), nullptr);
  EXPECT_FALSE(FirstOf<End>(ended)->failure.has_value());
}

}  // namespace
}  // namespace hebb::control
