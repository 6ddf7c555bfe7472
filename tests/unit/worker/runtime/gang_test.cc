// SPDX-License-Identifier: Apache-2.0
// Proves the member's part of docs/gang_protocol.md up to the end of training: prepare,
// generations, losses, planned leaves, release in every phase. The probe counts living
// communicators at the receipt of each message: it must be 0 at every report.
#include "common/sha256.h"
#include "tests/unit/worker/runtime/worker_under_test.h"

namespace hebb::runtime {
namespace {

using ::testing::HasSubstr;

class GangTest : public WorkerUnderTest {
 protected:
  v1::MemberReport AwaitReport() {
    const auto received = coordinator.Await(From::kReport);
    EXPECT_EQ(received.probe, 0) << "reported before the communicator was dropped";
    return received.message.report();
  }
};

TEST_F(GangTest, ReportsGenerationZeroOncePrepared) {
  StartWorker();
  coordinator.Send(AssignMessage());
  const v1::MemberReport report = AwaitReport();
  EXPECT_EQ(report.generation().job(), "job-a");
  EXPECT_EQ(report.generation().generation(), 0);
  EXPECT_EQ(report.weights_digest(), "digest-0");
  EXPECT_EQ(report.cause(), "");
  EXPECT_FALSE(report.fatal());
}

TEST_F(GangTest, DamagedDataIsFatalWithItsCause) {
  script.FailDataWith(absl::DataLossError("train.idx: record 7: label 12; fetch it again"));
  StartWorker();
  coordinator.Send(AssignMessage());
  const v1::MemberReport report = AwaitReport();
  EXPECT_TRUE(report.fatal());
  EXPECT_EQ(report.cause(), "train.idx: record 7: label 12; fetch it again");
}

TEST_F(GangTest, StartsFromTheAssignedCheckpoint) {
  coordinator.ServeFile(Sha256Hex("state"), "state");
  StartWorker();
  v1::ToWorker assign = AssignMessage();
  assign.mutable_assign()->mutable_resume()->set_sha256(Sha256Hex("state"));
  coordinator.Send(assign);
  EXPECT_EQ(AwaitReport().step(), 4);
  EXPECT_EQ(script.loaded(), "checkpoint state");
}

TEST_F(GangTest, RefusesADownloadThatIsAnotherFile) {
  coordinator.ServeFile(Sha256Hex("weights"), "something else");
  StartWorker();
  v1::ToWorker assign = AssignMessage();
  assign.mutable_assign()->mutable_init()->set_sha256(Sha256Hex("weights"));
  coordinator.Send(assign);
  const v1::MemberReport report = AwaitReport();
  EXPECT_TRUE(report.fatal());
  EXPECT_THAT(report.cause(), HasSubstr(Sha256Hex("weights")));
}

TEST_F(GangTest, DownloadsOnceTheCoordinatorIsBack) {
  StartWorker();
  v1::ToWorker assign = AssignMessage();
  assign.mutable_assign()->mutable_init()->set_sha256(Sha256Hex("weights"));
  coordinator.Send(assign);
  ASSERT_TRUE(coordinator.AwaitDownload());
  coordinator.GoAway();
  coordinator.ServeFile(Sha256Hex("weights"), "weights");
  coordinator.ComeBack();
  EXPECT_FALSE(AwaitReport().fatal());
  EXPECT_EQ(script.loaded(), "weights weights");
}

TEST_F(GangTest, TrainsAndReportsProgressFromTheFirstStep) {
  StartTraining();
  EXPECT_EQ(script.plans().at(0).name, "job-a/1/1");
  script.Permit(1);
  const v1::Progress progress = coordinator.Await(From::kProgress).message.progress();
  EXPECT_EQ(progress.step(), 1);
  EXPECT_EQ(progress.total_steps(), 6);
  EXPECT_EQ(progress.generation().generation(), 1);
}

TEST_F(GangTest, OtherRanksAreQuiet) {
  StartTraining(1, 2);
  script.Permit(6);
  EXPECT_EQ(coordinator.Await(From::kResult).message.result().step(), 6);
  EXPECT_EQ(coordinator.Count(From::kProgress), 0);
  EXPECT_EQ(coordinator.Count(From::kEpoch), 0);
}

TEST_F(GangTest, LeaveNowAbortsARunningStep) {
  StartTraining(1, 2);
  script.Permit(1);
  coordinator.Send(LeaveMessage(1, v1::LeaveGang::NOW));
  const v1::MemberReport report = AwaitReport();
  EXPECT_EQ(report.generation().generation(), 1);
  EXPECT_EQ(report.cause(), "worker b was lost");
  EXPECT_FALSE(report.fatal());
}

TEST_F(GangTest, LeaveNowAbortsAFormingMesh) {
  script.SetMesh(Script::Mesh::kHangs);
  StartPrepared();
  coordinator.Send(FormMessage(1, 0, 2));
  ASSERT_TRUE(script.AwaitForming(1));
  coordinator.Send(LeaveMessage(1, v1::LeaveGang::NOW));
  EXPECT_EQ(AwaitReport().cause(), "worker b was lost");
}

TEST_F(GangTest, LeaveNowEndsAWaitAtTheRendezvous) {
  script.SetMesh(Script::Mesh::kAsksRendezvous);
  StartPrepared();
  coordinator.Send(FormMessage(1, 0, 2));
  ASSERT_TRUE(coordinator.AwaitGetKey());
  coordinator.Send(LeaveMessage(1, v1::LeaveGang::NOW));
  EXPECT_EQ(AwaitReport().cause(), "worker b was lost");
}

TEST_F(GangTest, GoesOnInTheNextGeneration) {
  StartTraining(1, 2);
  coordinator.Send(LeaveMessage(1, v1::LeaveGang::NOW));
  const int64_t step = AwaitReport().step();
  coordinator.Send(FormMessage(2, 0, 1, step));
  ASSERT_TRUE(script.AwaitStepping());
  script.Permit(6);
  EXPECT_EQ(coordinator.Await(From::kResult).message.result().generation().generation(), 2);
}

TEST_F(GangTest, LeavesAtAStepBoundaryWithoutACause) {
  StartTraining();
  coordinator.Send(LeaveMessage(1, v1::LeaveGang::AT_STEP_BOUNDARY));
  coordinator.Await(From::kHeartbeat);
  EXPECT_EQ(script.live_communicators(), 1);
  script.Permit(1);
  // The word and the permit race; at most the steps permitted happen.
  v1::MemberReport report;
  script.Permit(5);
  report = AwaitReport();
  EXPECT_EQ(report.cause(), "");
  EXPECT_GE(report.step(), 1);
}

TEST_F(GangTest, NewerGenerationSupersedesARunningOneWithoutAReport) {
  StartTraining(1, 2);
  coordinator.Send(FormMessage(2, 0, 1));
  ASSERT_TRUE(script.AwaitForming(2));
  ASSERT_TRUE(script.AwaitStepping());
  script.Permit(6);
  EXPECT_EQ(coordinator.Await(From::kResult).message.result().generation().generation(), 2);
  EXPECT_EQ(coordinator.Count(From::kReport), 1);  // only the one of generation 0
}

TEST_F(GangTest, GenerationFormedForAnotherStepIsReportedBack) {
  StartPrepared();
  coordinator.Send(FormMessage(1, 0, 2, 3));
  const v1::MemberReport report = AwaitReport();
  EXPECT_EQ(report.generation().generation(), 1);
  EXPECT_THAT(report.cause(), HasSubstr("step 3"));
  EXPECT_FALSE(report.fatal());
}

TEST_F(GangTest, ReceivesTheStateItLacks) {
  StartPrepared();
  v1::ToWorker form = FormMessage(1, 1, 2, 4);
  form.mutable_form_gang()->add_state_wanted(1);
  coordinator.Send(form);
  ASSERT_TRUE(script.AwaitStepping());
  script.Permit(2);
  EXPECT_EQ(coordinator.Await(From::kResult).message.result().step(), 6);
}

TEST_F(GangTest, PassingErrorOfTheCommunicatorIsNotFatal) {
  script.FailStep(1, absl::UnavailableError("rank 1 closed the connection"));
  StartTraining();
  script.Permit(1);
  const v1::MemberReport report = AwaitReport();
  EXPECT_EQ(report.cause(), "rank 1 closed the connection");
  EXPECT_FALSE(report.fatal());
}

TEST_F(GangTest, LossThatIsNotFiniteIsFatal) {
  script.FailStep(2, absl::FailedPreconditionError("step 2: loss is nan; lower the learning rate"));
  StartTraining();
  script.Permit(2);
  const v1::MemberReport report = AwaitReport();
  EXPECT_EQ(report.step(), 1);
  EXPECT_TRUE(report.fatal());
  EXPECT_THAT(report.cause(), HasSubstr("loss is nan"));
}

TEST_F(GangTest, TellsWhatItHoldsAfterLosingTouch) {
  StartTraining(1, 2);
  script.Permit(2);
  coordinator.GoAway();
  coordinator.ComeBack();
  const v1::Hello hello = coordinator.AwaitOnStream(From::kHello, 2).message.hello();
  ASSERT_TRUE(hello.has_held());
  EXPECT_EQ(hello.held().generation().generation(), 1);
  EXPECT_EQ(hello.held().rank(), 1);
  EXPECT_TRUE(hello.held().in_gang());
}

TEST_F(GangTest, BrokenGangWaitsAndReportsAgainAfterLosingTouch) {
  script.FailStep(1, absl::UnavailableError("rank 1 closed the connection"));
  StartTraining();
  coordinator.GoAway();
  script.Permit(1);
  ASSERT_TRUE(script.AwaitNoCommunicator());
  coordinator.ComeBack();
  EXPECT_EQ(AwaitReport().generation().generation(), 1);
  const int stream = coordinator.all().back().stream;
  coordinator.GoAway();
  coordinator.ComeBack();
  const v1::Hello hello = coordinator.AwaitOnStream(From::kHello, stream + 1).message.hello();
  EXPECT_TRUE(hello.has_held());
  EXPECT_FALSE(hello.held().in_gang());
  EXPECT_EQ(AwaitReport().cause(), "rank 1 closed the connection");
}

TEST_F(GangTest, BrokenMpiWorldAsksForARestart) {
  StartPrepared();
  v1::ToWorker form = FormMessage(1, 1, 2);
  form.mutable_form_gang()->set_backend("mpi");
  coordinator.Send(form);
  ASSERT_TRUE(script.AwaitStepping());
  coordinator.Send(LeaveMessage(1, v1::LeaveGang::NOW));
  EXPECT_TRUE(restart_wanted.WaitForNotificationWithTimeout(absl::Seconds(20)));
  EXPECT_EQ(coordinator.Count(From::kReport), 1);
}

TEST_F(GangTest, LogLinesReachTheCoordinatorWithTheirRank) {
  StartTraining(1, 2);
  while (true) {
    const auto log = coordinator.Await(From::kLog).message.log();
    ASSERT_FALSE(HasFailure());
    if (log.lines(0).text().find("generation 1 formed") == std::string::npos) continue;
    EXPECT_EQ(log.lines(0).rank(), 1);
    EXPECT_EQ(log.lines(0).attempt(), 1);
    EXPECT_EQ(log.lines(0).level(), "info");
    break;
  }
}

TEST_F(GangTest, EndingWorkerWaitsUntilItIsLetGoAtAStep) {
  StartTraining();
  std::thread ending([this] { runner->Drain("terminated", absl::Seconds(60)); });
  const v1::DrainNotice notice = coordinator.Await(From::kDrain).message.drain();
  EXPECT_EQ(notice.reason(), "terminated");
  EXPECT_EQ(notice.within_ms(), 60000);
  coordinator.Send(LeaveMessage(1, v1::LeaveGang::AT_STEP_BOUNDARY));
  script.Permit(5);
  EXPECT_EQ(AwaitReport().cause(), "");
  coordinator.Send(ReleaseMessage(1));
  ending.join();
  session->Leave("terminated", absl::Seconds(10));
  EXPECT_EQ(script.live_communicators(), 0);
}

TEST_F(GangTest, EndingWorkerWithoutACoordinatorLeavesAtTheNextStep) {
  StartTraining();
  script.Permit(1);
  coordinator.Await(From::kProgress);
  coordinator.GoAway();
  std::thread ending([this] { runner->Drain("terminated", absl::Seconds(60)); });
  script.Permit(5);
  ending.join();
  EXPECT_EQ(script.live_communicators(), 0);
}

// ---- Release -----------------------------------------------------------------------------------

enum class Phase { kDownloading, kWaiting, kForming, kTraining, kUploading, kFinished };

class ReleaseTest : public GangTest, public ::testing::WithParamInterface<Phase> {
 protected:
  void Reach(Phase phase) {
    if (phase == Phase::kForming) script.SetMesh(Script::Mesh::kHangs);
    if (phase == Phase::kUploading) {
      coordinator.AnswerUploadsWith(absl::UnavailableError("disk full"));
    }
    v1::ToWorker assign = AssignMessage();
    if (phase == Phase::kDownloading) assign.mutable_assign()->mutable_init()->set_sha256("none");
    StartWorker();
    coordinator.Send(assign);
    if (phase == Phase::kDownloading) {
      ASSERT_TRUE(coordinator.AwaitDownload());
      return;
    }
    AwaitReport();
    if (phase == Phase::kWaiting) return;
    coordinator.Send(FormMessage(1, 0, 2));
    if (phase == Phase::kForming) {
      ASSERT_TRUE(script.AwaitForming(1));
      return;
    }
    ASSERT_TRUE(script.AwaitStepping());
    if (phase == Phase::kTraining) return;
    script.Permit(6);
    if (phase == Phase::kUploading) {
      ASSERT_TRUE(coordinator.AwaitUploadTries(2));
      ASSERT_TRUE(script.AwaitNoCommunicator());
    } else {
      coordinator.Await(From::kResult);
    }
  }
};

TEST_P(ReleaseTest, FreesTheWorkerForTheNextAssignment) {
  Reach(GetParam());
  coordinator.Send(ReleaseMessage(1));
  script.SetMesh(Script::Mesh::kForms);
  coordinator.Send(AssignMessage(2));
  const v1::MemberReport report = AwaitReport();
  EXPECT_EQ(report.generation().attempt(), 2);
  EXPECT_EQ(report.generation().generation(), 0);
  EXPECT_EQ(report.step(), 0);
}

INSTANTIATE_TEST_SUITE_P(Phases, ReleaseTest,
                         ::testing::Values(Phase::kDownloading, Phase::kWaiting, Phase::kForming,
                                           Phase::kTraining, Phase::kUploading, Phase::kFinished));

}  // namespace
}  // namespace hebb::runtime
