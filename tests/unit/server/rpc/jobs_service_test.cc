// SPDX-License-Identifier: Apache-2.0
// What is proven: what clients ask is answered as proto/hebb/v1/jobs.proto says, with its codes.
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/rpc/channel.h"
#include "common/rpc/protocol.h"
#include "common/sha256.h"
#include "common/spec/parse.h"
#include "common/times.h"
#include "hebb/v1/coordinator.grpc.pb.h"
#include "tests/unit/server/rpc/service_fixture.h"

namespace hebb::rpc {
namespace {

using ::testing::HasSubstr;

class JobsServiceTest : public ServiceTest {
 protected:
  // Lets a worker run `job` to its end with these checkpoints on the way.
  void Finish(const v1::Job& job, const std::vector<std::string>& checkpoints) {
    FakeWorker worker("w");
    worker.Attach(address());
    const v1::FormGang form = FormGang({&worker}, job);
    v1::CheckpointId id;
    id.set_job(job.id());
    id.set_attempt(1);
    id.set_generation(form.generation().generation());
    for (const std::string& content : checkpoints) {
      id.set_step(id.step() + 10);
      EXPECT_TRUE(Upload(id, content).ok());
    }
    worker.SendResult(form.generation(), v1::AttemptResult::SUCCEEDED);
    AwaitState(job.id(), v1::SUCCEEDED);
  }
  void Damage(const std::string& content) {
    const std::string sha256 = Sha256Hex(content);
    std::ofstream(absl::StrCat(folder_, "/blobs/", sha256.substr(0, 2), "/", sha256)) << "damaged";
  }
  std::string Download(const std::string& job, grpc::Status& status) {
    grpc::ClientContext context;
    v1::JobRequest request;
    request.set_job(job);
    auto reader = client_->DownloadCheckpoint(&context, request);
    std::string content;
    v1::Chunk chunk;
    while (reader->Read(&chunk)) content += chunk.data();
    status = reader->Finish();
    return content;
  }
};

TEST_F(JobsServiceTest, SubmitKeepsTheFileResolvedAndSaysWhatItWaitsFor) {
  const v1::Job job = Submit(JobFile());
  EXPECT_THAT(job.id(), ::testing::MatchesRegex("j-[a-z0-9]{8}"));
  EXPECT_EQ(job.spec().learning().rule(), "urfb");  // a default, written out
  EXPECT_GT(job.total_steps(), 0);
  const v1::Job waiting = Await(job.id(), [](const v1::Job& j) { return !j.reason().empty(); });
  EXPECT_EQ(waiting.state(), v1::QUEUED);
  EXPECT_THAT(waiting.reason(), HasSubstr("worker"));
}

TEST_F(JobsServiceTest, BadFileIsRefusedWithTheParsersLines) {
  const std::string yaml = JobFile("resources: {wrokers: 2}\n");
  grpc::ClientContext context;
  v1::SubmitRequest request;
  request.set_yaml(yaml);
  request.set_file_name("test.yaml");
  v1::Job job;
  const grpc::Status status = client_->Submit(&context, request, &job);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), spec::ParseJob(yaml, "test.yaml", {}).status().message());
}

TEST_F(JobsServiceTest, RepeatedSubmitIsOneJob) {
  v1::SubmitRequest request;
  request.set_yaml(JobFile());
  request.set_request_id("once");
  v1::Job first;
  v1::Job second;
  grpc::ClientContext one;
  grpc::ClientContext two;
  ASSERT_TRUE(client_->Submit(&one, request, &first).ok());
  ASSERT_TRUE(client_->Submit(&two, request, &second).ok());
  EXPECT_EQ(first.id(), second.id());
}

TEST_F(JobsServiceTest, InitThatWasNotUploadedIsRefused) {
  grpc::ClientContext context;
  v1::SubmitRequest request;
  request.set_yaml(JobFile("init: {from: w.safetensors}\n"));
  request.set_init_sha256(Sha256Hex("nobody has this"));
  v1::Job job;
  const grpc::Status status = client_->Submit(&context, request, &job);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("w.safetensors"));
}

TEST_F(JobsServiceTest, ValidateKeepsNothing) {
  grpc::ClientContext context;
  v1::SubmitRequest request;
  request.set_yaml(JobFile());
  v1::ValidateResponse response;
  ASSERT_TRUE(client_->Validate(&context, request, &response).ok());
  EXPECT_EQ(response.parameters(), 28 * 28 * 10);
  ASSERT_EQ(response.layers_size(), 1);
  EXPECT_EQ(response.layers(0).kind(), "dense");
  EXPECT_TRUE(jobs_.List(true)->empty());
}

TEST_F(JobsServiceTest, CancelOfAQueuedJobIsImmediateAndIdempotent) {
  const v1::Job job = Submit(JobFile());
  v1::Job cancelled;
  ASSERT_TRUE(Cancel(job.id(), &cancelled).ok());
  EXPECT_EQ(cancelled.state(), v1::CANCELLED);
  EXPECT_TRUE(Cancel(job.id(), &cancelled).ok());
}

TEST_F(JobsServiceTest, CancelAfterAnotherEndIsAFailedPrecondition) {
  const v1::Job job = Submit(JobFile());
  Finish(job, {});
  v1::Job cancelled;
  EXPECT_EQ(Cancel(job.id(), &cancelled).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(Cancel("j-unknown", &cancelled).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(JobsServiceTest, ListGivesPagesOfWhatIsAskedFor) {
  const v1::Job first = Submit(JobFile());
  const v1::Job second = Submit(JobFile());
  v1::Job cancelled;
  ASSERT_TRUE(Cancel(first.id(), &cancelled).ok());
  const auto list = [this](const v1::ListRequest& request, v1::ListResponse& response) {
    response.Clear();
    grpc::ClientContext context;
    SetDeadline(context, absl::Now() + absl::Seconds(20));
    return client_->List(&context, request, &response);
  };
  v1::ListRequest request;
  v1::ListResponse response;
  ASSERT_TRUE(list(request, response).ok());
  ASSERT_EQ(response.jobs_size(), 1);
  EXPECT_EQ(response.jobs(0).id(), second.id());
  EXPECT_EQ(response.jobs(0).spec().dataset().name(), "glyphs");
  EXPECT_GT(response.jobs(0).spec().learning().epochs(), 0);
  EXPECT_EQ(response.counts_size(), 2);
  request.add_states(v1::CANCELLED);
  ASSERT_TRUE(list(request, response).ok());
  ASSERT_EQ(response.jobs_size(), 1);
  EXPECT_EQ(response.jobs(0).id(), first.id());

  request.Clear();
  request.set_all(true);
  request.set_page_size(1);
  ASSERT_TRUE(list(request, response).ok());
  ASSERT_EQ(response.jobs_size(), 1);
  EXPECT_EQ(response.jobs(0).id(), second.id());
  request.set_page_token(response.next_page_token());
  ASSERT_TRUE(list(request, response).ok());
  EXPECT_EQ(response.jobs(0).id(), first.id());
  EXPECT_EQ(response.next_page_token(), "");
  request.set_page_token("forged");
  EXPECT_EQ(list(request, response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request.Clear();
  request.set_page_size(-1);
  EXPECT_EQ(list(request, response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request.Clear();
  request.add_states(v1::JOB_STATE_UNSPECIFIED);
  EXPECT_EQ(list(request, response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(JobsServiceTest, WatchShowsChangesUntilTheEnd) {
  const v1::Job job = Submit(JobFile());
  grpc::ClientContext context;
  SetDeadline(context, absl::Now() + absl::Seconds(20));
  v1::JobRequest request;
  request.set_job(job.id());
  auto reader = client_->Watch(&context, request);
  v1::Job seen;
  ASSERT_TRUE(reader->Read(&seen));
  EXPECT_EQ(seen.state(), v1::QUEUED);
  Finish(job, {});
  while (reader->Read(&seen)) {
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(seen.state(), v1::SUCCEEDED);
}

TEST_F(JobsServiceTest, DamagedCheckpointIsNamedAndTheOneBeforeItIsUsed) {
  const v1::Job job = Submit(JobFile());
  Finish(job, {"first", "second"});
  grpc::Status status;
  EXPECT_EQ(Download(job.id(), status), "second");
  Damage("second");
  EXPECT_EQ(Download(job.id(), status), "first");
  EXPECT_TRUE(status.ok());
  const v1::Job shown = Get(job.id());
  bool named = false;
  for (const v1::JobEvent& event : shown.events()) {
    named = named || event.text().find("checkpoint of step 20 is damaged") != std::string::npos;
  }
  EXPECT_TRUE(named);
  Damage("first");
  Download(job.id(), status);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DATA_LOSS);
}

TEST_F(JobsServiceTest, NoCheckpointYetIsNotFound) {
  grpc::Status status;
  Download(Submit(JobFile()).id(), status);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(JobsServiceTest, OldCheckpointsAreRemovedButTheNewestKept) {
  const v1::Job job = Submit(JobFile("checkpoint: {keep: 2}\n"));
  Finish(job, {"one", "two", "three"});
  EXPECT_TRUE(absl::IsNotFound(blobs_->VerifiedPath(Sha256Hex("one")).status()));
  EXPECT_TRUE(blobs_->VerifiedPath(Sha256Hex("two")).ok());
  EXPECT_TRUE(blobs_->VerifiedPath(Sha256Hex("three")).ok());
}

TEST_F(JobsServiceTest, EvaluateStartsFromTheLastCheckpoint) {
  const v1::Job job = Submit(JobFile());
  Finish(job, {"weights"});
  grpc::ClientContext context;
  v1::EvaluateRequest request;
  request.set_job(job.id());
  v1::Job evaluation;
  ASSERT_TRUE(client_->Evaluate(&context, request, &evaluation).ok());
  EXPECT_EQ(evaluation.spec().kind(), "evaluate");
  FakeWorker worker("v");
  worker.Attach(address());
  const v1::Assign assign = worker.ExpectAssign();
  EXPECT_EQ(assign.job(), evaluation.id());
  EXPECT_EQ(assign.init().sha256(), Sha256Hex("weights"));
  EXPECT_EQ(assign.init().bytes(), 7);
}

TEST_F(JobsServiceTest, UploadedWeightsAreKeptByTheirDigest) {
  grpc::ClientContext context;
  v1::UploadResponse response;
  auto writer = client_->UploadWeights(&context, &response);
  v1::Chunk chunk;
  chunk.set_data("weights");
  chunk.set_total_bytes(7);
  chunk.set_sha256(Sha256Hex("other"));
  writer->Write(chunk);
  writer->WritesDone();
  EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::DATA_LOSS);
  grpc::ClientContext again;
  auto right = client_->UploadWeights(&again, &response);
  chunk.set_sha256(Sha256Hex("weights"));
  right->Write(chunk);
  right->WritesDone();
  ASSERT_TRUE(right->Finish().ok());
  EXPECT_EQ(response.sha256(), Sha256Hex("weights"));
}

TEST_F(JobsServiceTest, LogsFollowUntilTheJobEnds) {
  const v1::Job job = Submit(JobFile());
  grpc::ClientContext context;
  SetDeadline(context, absl::Now() + absl::Seconds(20));
  v1::LogsRequest request;
  request.set_job(job.id());
  request.set_follow(true);
  auto reader = client_->Logs(&context, request);
  {
    FakeWorker worker("w");
    worker.Attach(address());
    const v1::FormGang form = FormGang({&worker}, job);
    v1::FromWorker message;
    *message.mutable_log()->mutable_generation() = form.generation();
    message.mutable_log()->add_lines()->set_text("epoch 1 begins");
    worker.Send(message);
    v1::LogLine line;
    ASSERT_TRUE(reader->Read(&line));
    EXPECT_EQ(line.text(), "epoch 1 begins");
    EXPECT_EQ(line.attempt(), 1);
    worker.SendResult(form.generation(), v1::AttemptResult::SUCCEEDED);
    EXPECT_FALSE(reader->Read(&line));
  }
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(JobsServiceTest, ServiceTellsItsClockDiskAndTheTimesOfItsKnob) {
  const absl::Time before = absl::Now();
  const auto stub = v1::Coordinator::NewStub(MakeChannel(address()));
  grpc::ClientContext context;
  v1::ServiceInfo info;
  ASSERT_TRUE(stub->GetInfo(&context, v1::GetInfoRequest(), &info).ok());
  const absl::Time now =
      absl::FromUnixSeconds(info.now().seconds()) + absl::Nanoseconds(info.now().nanos());
  EXPECT_GE(now, before);
  EXPECT_LE(now, absl::Now());
  EXPECT_EQ(info.build(), "0.0.0-test");
  EXPECT_EQ(info.protocol(), kProtocolVersion);
  EXPECT_EQ(info.state_dir(), folder_);
  EXPECT_GT(info.state_free_bytes(), 0);
  EXPECT_LT(info.state_free_bytes(), info.state_total_bytes());
  EXPECT_EQ(info.detect_within_ms(), 400);
  std::map<std::string, int64_t> times;
  for (const v1::DerivedTime& time : info.times()) times[time.name()] = time.microseconds();
  EXPECT_EQ(times["heartbeat"], 100'000);
  EXPECT_EQ(times["lease"], 60'000'000);
  EXPECT_FALSE(info.authenticates());
  EXPECT_EQ(info.user(), "");
}

TEST_F(JobsServiceTest, TakenPortIsRefusedWithOneLine) {
  const auto second = Server::Start(address(), MakeContext());
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status()));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("the port is taken"));
}

}  // namespace
}  // namespace hebb::rpc
