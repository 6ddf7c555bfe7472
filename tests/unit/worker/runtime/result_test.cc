// SPDX-License-Identifier: Apache-2.0
// Proves that nothing a gang achieved is lost between worker and coordinator: checkpoints, epochs
// and the result, whenever the coordinator is away.
#include <set>

#include "absl/strings/match.h"
#include "common/metrics/http_server.h"
#include "tests/testing/wait.h"
#include "tests/unit/worker/runtime/worker_under_test.h"

namespace hebb::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ResultTest : public WorkerUnderTest {
 protected:
  std::vector<int64_t> UploadedSteps() {
    std::vector<int64_t> steps;
    for (const auto& upload : coordinator.uploads()) steps.push_back(upload.id.step());
    return steps;
  }
};

TEST_F(ResultTest, LastCheckpointIsStoredBeforeTheResultIsSent) {
  coordinator.Probe([this] { return 0; });
  StartTraining();
  script.Permit(6);
  const v1::AttemptResult result = coordinator.Await(From::kResult).message.result();
  EXPECT_EQ(result.outcome(), v1::AttemptResult::SUCCEEDED);
  EXPECT_EQ(result.step(), 6);
  EXPECT_EQ(result.weights_digest(), "digest-6");
  EXPECT_EQ(result.metrics().test_accuracy(), 0.75);
  EXPECT_EQ(result.images_per_second(), 100);
  ASSERT_FALSE(coordinator.uploads().empty());
  EXPECT_EQ(coordinator.uploads().back().id.step(), 6);
  EXPECT_EQ(coordinator.uploads().back().id.generation(), 1);
}

TEST_F(ResultTest, ResultWaitsForTheLastCheckpoint) {
  coordinator.AnswerUploadsWith(absl::UnavailableError("later"));
  StartTraining();
  script.Permit(6);
  ASSERT_TRUE(coordinator.AwaitUploadTries(3));
  EXPECT_EQ(coordinator.Count(From::kResult), 0);
  coordinator.AnswerUploadsWith(absl::OkStatus());
  coordinator.Await(From::kResult);
  EXPECT_EQ(UploadedSteps().back(), 6);
}

TEST_F(ResultTest, ResultIsKeptOverReconnectsUntilAccepted) {
  StartTraining();
  script.Permit(6);
  coordinator.Await(From::kResult);
  for (int stream = 2; stream <= 3; ++stream) {
    coordinator.GoAway();
    coordinator.ComeBack();
    EXPECT_EQ(coordinator.AwaitOnStream(From::kResult, stream).message.result().step(), 6);
  }
  coordinator.Send(AcceptedMessage(1));
  coordinator.Send(AssignMessage(2));  // taken up: the worker has let go of attempt 1
  EXPECT_EQ(coordinator.Await(From::kReport).message.report().generation().attempt(), 2);
  const int before = coordinator.Count(From::kResult);
  const int stream = coordinator.all().back().stream;
  coordinator.GoAway();
  coordinator.ComeBack();
  coordinator.AwaitOnStream(From::kReport, stream + 1);
  EXPECT_EQ(coordinator.Count(From::kResult), before);
}

TEST_F(ResultTest, GangTrainsOnAndDeliversWhenTheCoordinatorIsBack) {
  StartTraining();
  coordinator.GoAway();
  script.Permit(6);
  ASSERT_TRUE(script.AwaitNoCommunicator());
  coordinator.ComeBack();
  EXPECT_EQ(coordinator.Await(From::kResult).message.result().step(), 6);
  // keep: 2 of the steps 2, 4 and 6.
  const std::vector<int64_t> steps = UploadedSteps();
  ASSERT_GE(steps.size(), 2u);
  EXPECT_EQ(steps[steps.size() - 2], 4);
  EXPECT_EQ(steps.back(), 6);
  std::set<int64_t> epochs;
  for (const auto& received : coordinator.all()) {
    if (received.message.has_epoch()) epochs.insert(received.message.epoch().record().epoch());
  }
  EXPECT_THAT(epochs, ElementsAre(1, 2, 3));
}

TEST_F(ResultTest, NewRankZeroTellsTheEpochsOfTheOldOne) {
  StartTraining(1, 2);
  script.Permit(4);
  ASSERT_TRUE(script.AwaitStepping());
  coordinator.Send(LeaveMessage(1, v1::LeaveGang::NOW));
  const int64_t step = coordinator.Await(From::kReport).message.report().step();
  coordinator.Send(FormMessage(2, 0, 1, step));
  EXPECT_EQ(coordinator.Await(From::kEpoch).message.epoch().record().epoch(), 1);
  EXPECT_EQ(coordinator.Await(From::kEpoch).message.epoch().record().epoch(), 2);
}

TEST_F(ResultTest, CheckpointOfAnOldGenerationIsDroppedAndReported) {
  coordinator.AnswerUploadsWith(absl::AbortedError("generation 1 is over"));
  StartTraining();
  script.Permit(6);
  const v1::MemberReport report = coordinator.Await(From::kReport).message.report();
  EXPECT_EQ(report.step(), 6);
  EXPECT_FALSE(report.fatal());
  EXPECT_EQ(coordinator.Count(From::kResult), 0);
}

TEST_F(ResultTest, UnwantedLastCheckpointFailsTheJob) {
  coordinator.AnswerUploadsWith(absl::InvalidArgumentError("no such tensor"));
  StartTraining();
  script.Permit(6);
  const v1::MemberReport report = coordinator.Await(From::kReport).message.report();
  EXPECT_TRUE(report.fatal());
  EXPECT_THAT(report.cause(), HasSubstr("no such tensor"));
}

TEST_F(ResultTest, FinishedMemberOfABrokenGangGoesOnInTheNext) {
  StartTraining(1, 2);
  script.Permit(6);
  coordinator.Await(From::kResult);
  coordinator.Send(LeaveMessage(1, v1::LeaveGang::NOW));  // rank 0 died before its result
  EXPECT_EQ(coordinator.Await(From::kReport).message.report().step(), 6);
  coordinator.Send(FormMessage(2, 0, 1, 6));
  const v1::AttemptResult result = coordinator.Await(From::kResult).message.result();
  EXPECT_EQ(result.generation().generation(), 2);
  EXPECT_THAT(UploadedSteps(), ElementsAre(6));
}

TEST_F(ResultTest, StopStoresACheckpointFirst) {
  StartTraining();
  coordinator.Send(StopMessage(1, true));
  script.Permit(1);
  coordinator.Await(From::kProgress);
  script.Permit(5);  // more than one step if the word came late
  const v1::AttemptResult result = coordinator.Await(From::kResult).message.result();
  EXPECT_EQ(result.outcome(), v1::AttemptResult::STOPPED);
  EXPECT_EQ(UploadedSteps().back(), result.step());
}

TEST_F(ResultTest, SpoolIsGoneAfterTheAttempt) {
  StartTraining();
  script.Permit(6);
  coordinator.Await(From::kResult);
  EXPECT_TRUE(std::filesystem::exists(folder + "/job-a-1"));
  coordinator.Send(AcceptedMessage(1));
  coordinator.Send(AssignMessage(2));
  coordinator.Await(From::kReport);
  EXPECT_FALSE(std::filesystem::exists(folder + "/job-a-1"));
}

TEST_F(ResultTest, MetricsOfTheJobEndAWhileAfterTheCoordinatorHasItsResult) {
  const auto served = [this] {
    return absl::StrContains(metrics::SerializeMetrics(metrics), "hebb_worker_job_info{job=");
  };
  StartTraining();
  script.Permit(6);
  coordinator.Await(From::kResult);
  minutes_ahead += 10;
  EXPECT_TRUE(served()) << "its result is still to be taken";
  coordinator.Send(AcceptedMessage(1));
  EXPECT_TRUE(testing_support::WaitUntil([&] {
    minutes_ahead += 5;
    return !served();
  }));
}

}  // namespace
}  // namespace hebb::runtime
