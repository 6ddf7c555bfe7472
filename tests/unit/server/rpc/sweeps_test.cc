// SPDX-License-Identifier: Apache-2.0
// What is proven: a sweep is checked without being kept, stored whole or not at all, once however
// often it is asked for, its jobs are ordinary jobs in the grid's order, and cancelling it ends
// those that have not ended.
#include "absl/strings/str_cat.h"
#include "tests/unit/server/rpc/service_fixture.h"

namespace hebb::rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SweepsTest : public ServiceTest {
 protected:
  static v1::SubmitRequest Request(const std::string& grid) {
    v1::SubmitRequest request;
    request.set_yaml(JobFile(absl::StrCat("sweep: {grid: ", grid, "}\n")));
    request.set_file_name("sweep.yaml");
    return request;
  }
  grpc::Status SubmitSweep(const v1::SubmitRequest& request, v1::Sweep* sweep) {
    grpc::ClientContext context;
    return client_->SubmitSweep(&context, request, sweep);
  }
  v1::Sweep SubmitGrid(const std::string& grid) {
    v1::Sweep sweep;
    const grpc::Status status = SubmitSweep(Request(grid), &sweep);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return sweep;
  }
  v1::Sweep GetSweep(const std::string& key, bool brief = false) {
    grpc::ClientContext context;
    v1::SweepRequest request;
    request.set_sweep(key);
    request.set_brief(brief);
    v1::Sweep sweep;
    const grpc::Status status = client_->GetSweep(&context, request, &sweep);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return sweep;
  }
  grpc::Status CancelSweep(const std::string& key, v1::Sweep* sweep) {
    grpc::ClientContext context;
    v1::SweepRequest request;
    request.set_sweep(key);
    return client_->CancelSweep(&context, request, sweep);
  }
  static std::vector<v1::JobState> States(const v1::Sweep& sweep) {
    std::vector<v1::JobState> states;
    for (const v1::SweepRun& run : sweep.runs()) states.push_back(run.state());
    return states;
  }
};

class FewMayWaitTest : public SweepsTest {
 protected:
  FewMayWaitTest() { limits_.queued.others = 2; }
};

TEST_F(FewMayWaitTest, JobsAndSweepsBeyondAreRefusedWhole) {
  Submit(JobFile());
  v1::Sweep sweep;
  const grpc::Status refused = SubmitSweep(Request("{seed: [1, 2]}"), &sweep);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.error_message(), HasSubstr("1 do, 2 would come"));
  Submit(JobFile());
  grpc::ClientContext context;
  v1::SubmitRequest request;
  request.set_yaml(JobFile());
  v1::Job job;
  const grpc::Status again = client_->Submit(&context, request, &job);
  EXPECT_EQ(again.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(again.error_message(), HasSubstr("--user-queued"));
}

TEST_F(SweepsTest, ASubmittedSweepIsKeptWithItsRunsInOrder) {
  const v1::Sweep sweep = SubmitGrid("{learning.rule: [bp, urfb], seed: [1, 2]}");
  EXPECT_THAT(sweep.id(), ::testing::MatchesRegex("s-[a-z0-9]{8}"));
  EXPECT_EQ(sweep.name(), "test");
  EXPECT_EQ(sweep.state(), v1::QUEUED);
  EXPECT_EQ(sweep.jobs(), 4);
  std::vector<std::string> names;
  for (const v1::SweepRun& run : sweep.runs()) names.push_back(run.name());
  EXPECT_THAT(names, ElementsAre("test/rule=bp,seed=1", "test/rule=urfb,seed=1",
                                 "test/rule=bp,seed=2", "test/rule=urfb,seed=2"));
  const v1::Sweep again = GetSweep("test");
  EXPECT_EQ(again.id(), sweep.id());
  EXPECT_EQ(again.file_name(), "sweep.yaml");
  EXPECT_THAT(again.yaml(), HasSubstr("sweep: {grid:"));
  const v1::Job job = Get(sweep.runs(3).job());
  EXPECT_EQ(job.sweep(), sweep.id());
  EXPECT_EQ(job.spec().seed(), 2u);
  EXPECT_EQ(job.spec().learning().rule(), "urfb");
  ASSERT_EQ(job.point_size(), 2);
  EXPECT_EQ(job.point(0).key(), "learning.rule");
  EXPECT_EQ(job.point(0).value(), "urfb");
}

TEST_F(SweepsTest, ValidateChecksAndShowsEveryRunAndKeepsNothing) {
  const auto validate = [this](const v1::SubmitRequest& request,
                               v1::ValidateSweepResponse& answer) {
    grpc::ClientContext context;
    return client_->ValidateSweep(&context, request, &answer);
  };
  v1::ValidateSweepResponse answer;
  ASSERT_TRUE(validate(Request("{learning.rule: [bp, urfb], seed: [1, 2]}"), answer).ok());
  EXPECT_EQ(answer.name(), "test");
  ASSERT_EQ(answer.runs_size(), 4);
  EXPECT_EQ(answer.runs(1).name(), "test/rule=urfb,seed=1");
  ASSERT_EQ(answer.runs(1).point_size(), 2);
  EXPECT_EQ(answer.runs(1).point(0).key(), "learning.rule");
  EXPECT_EQ(answer.runs(1).point(0).value(), "urfb");
  EXPECT_EQ(answer.runs(1).job().parameters(), 28 * 28 * 10);
  EXPECT_EQ(answer.runs(1).job().layers_size(), 1);
  const grpc::Status refused = validate(Request("{learning.rule: [bp, urbf]}"), answer);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(refused.error_message(), HasSubstr("grid key learning.rule: "));
  EXPECT_TRUE(jobs_.List(true)->empty());
  EXPECT_TRUE(jobs_.ListSweeps()->empty());
}

TEST_F(SweepsTest, BriefAnswersAndListsLeaveTheRunsOut) {
  const v1::Sweep first = SubmitGrid("{seed: [1, 2]}");
  const v1::Sweep second = SubmitGrid("{seed: [3]}");
  const v1::Sweep brief = GetSweep(first.id(), /*brief=*/true);
  EXPECT_EQ(brief.runs_size(), 0);
  EXPECT_TRUE(brief.yaml().empty());
  ASSERT_EQ(brief.counts_size(), 1);
  EXPECT_EQ(brief.counts(0).jobs(), 2);
  grpc::ClientContext context;
  v1::ListSweepsResponse list;
  ASSERT_TRUE(client_->ListSweeps(&context, {}, &list).ok());
  ASSERT_EQ(list.sweeps_size(), 2);
  EXPECT_EQ(list.sweeps(0).id(), second.id());
  EXPECT_EQ(list.sweeps(1).jobs(), 2);
  EXPECT_EQ(list.sweeps(1).runs_size(), 0);
}

TEST_F(SweepsTest, ARepeatedRequestIsOneSweep) {
  v1::SubmitRequest request = Request("{seed: [1, 2]}");
  request.set_request_id("once");
  v1::Sweep first;
  v1::Sweep second;
  ASSERT_TRUE(SubmitSweep(request, &first).ok());
  StopCoordinator();
  StartCoordinator();
  ASSERT_TRUE(SubmitSweep(request, &second).ok());
  EXPECT_EQ(first.id(), second.id());
  EXPECT_EQ(first.runs(0).job(), second.runs(0).job());
  EXPECT_EQ(jobs_.List(true)->size(), 2u);
}

TEST_F(SweepsTest, OneBadValueKeepsNothing) {
  v1::Sweep sweep;
  const grpc::Status status =
      SubmitSweep(Request("{seed: [1, 2], learning.rule: [bp, urbf]}"), &sweep);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("sweep.yaml:7:50: grid key learning.rule: "));
  EXPECT_TRUE(jobs_.List(true)->empty());
  EXPECT_TRUE(jobs_.ListSweeps()->empty());
}

TEST_F(SweepsTest, ASweepFileIsNoJob) {
  grpc::ClientContext context;
  v1::Job job;
  const grpc::Status status = client_->Submit(&context, Request("{seed: [1]}"), &job);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("hand it over with hebb sweep"));
}

TEST_F(SweepsTest, InitThatWasNotUploadedIsRefused) {
  v1::SubmitRequest request = Request("{seed: [1, 2]}");
  request.add_sets("init.from=w.safetensors");
  v1::Sweep sweep;
  EXPECT_EQ(SubmitSweep(request, &sweep).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_TRUE(jobs_.List(true)->empty());
}

TEST_F(SweepsTest, JobsRunInTheGridsOrder) {
  const v1::Sweep sweep = SubmitGrid("{seed: [5, 3, 4]}");
  FakeWorker worker("w");
  worker.Attach(address());
  for (const v1::SweepRun& run : sweep.runs()) {
    const v1::FormGang form = FormGang({&worker}, Get(run.job()));
    worker.SendResult(form.generation(), v1::AttemptResult::SUCCEEDED);
    AwaitState(run.job(), v1::SUCCEEDED);
  }
  EXPECT_EQ(GetSweep(sweep.id()).state(), v1::SUCCEEDED);
}

TEST_F(SweepsTest, CancelEndsWhatHasNotEnded) {
  const v1::Sweep sweep = SubmitGrid("{seed: [1, 2, 3]}");
  const v1::Job other = Submit(JobFile());
  FakeWorker worker("w");
  worker.Attach(address());
  const v1::FormGang first = FormGang({&worker}, Get(sweep.runs(0).job()));
  worker.SendResult(first.generation(), v1::AttemptResult::SUCCEEDED);
  AwaitState(sweep.runs(0).job(), v1::SUCCEEDED);
  FormGang({&worker}, Get(sweep.runs(1).job()));
  AwaitState(sweep.runs(1).job(), v1::RUNNING);
  v1::Sweep cancelled;
  ASSERT_TRUE(CancelSweep(sweep.id(), &cancelled).ok());
  EXPECT_THAT(States(cancelled), ElementsAre(v1::SUCCEEDED, v1::CANCELLING, v1::CANCELLED));
  EXPECT_EQ(cancelled.state(), v1::RUNNING);
  ASSERT_TRUE(CancelSweep(sweep.id(), &cancelled).ok());
  EXPECT_EQ(States(cancelled)[0], v1::SUCCEEDED);
  EXPECT_NE(Get(other.id()).state(), v1::CANCELLED);
  EXPECT_EQ(CancelSweep("s-unknown", &cancelled).error_code(), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace hebb::rpc
