// SPDX-License-Identifier: Apache-2.0
// What users ask of their jobs may be asked twice: a client that did not hear the answer asks
// again.
#include <gmock/gmock.h>

#include <string>

#include "tests/testing/wait.h"
#include "tests/unit/server/rpc/service_fixture.h"

namespace hebb::rpc {
namespace {

using ::testing::HasSubstr;

class VerbsTest : public ServiceTest {
 protected:
  using Stub = v1::Jobs::Stub;
  using Verb = grpc::Status (Stub::*)(grpc::ClientContext*, const v1::JobRequest&, v1::Job*);
  grpc::Status Ask(Verb verb, const std::string& job, v1::Job* answer) {
    grpc::ClientContext context;
    v1::JobRequest request;
    request.set_job(job);
    return (client_.get()->*verb)(&context, request, answer);
  }
  grpc::Status Archive(const std::string& job, bool undo, v1::Job* answer) {
    grpc::ClientContext context;
    v1::ArchiveRequest request;
    request.set_job(job);
    request.set_undo(undo);
    return client_->Archive(&context, request, answer);
  }
  // Of that kind in the job's record.
  int Events(const std::string& job, const std::string& kind) {
    int count = 0;
    const v1::Job shown = Get(job);
    for (const v1::JobEvent& event : shown.events()) count += event.kind() == kind ? 1 : 0;
    return count;
  }
  bool Listed(const std::string& job, bool archived) {
    grpc::ClientContext context;
    v1::ListRequest request;
    request.set_all(true);
    request.set_archived(archived);
    v1::ListResponse response;
    EXPECT_TRUE(client_->List(&context, request, &response).ok());
    for (const v1::Job& listed : response.jobs()) {
      if (listed.id() == job) return true;
    }
    return false;
  }
};

TEST_F(VerbsTest, PauseResumeAndCancelAskedTwiceAreDoneOnce) {
  const std::string job = Submit(JobFile()).id();
  v1::Job answer;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(Ask(&Stub::Pause, job, &answer).ok());
    EXPECT_EQ(answer.state(), v1::PAUSED);
  }
  EXPECT_EQ(Events(job, "pause"), 1);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(Ask(&Stub::Resume, job, &answer).ok());
    EXPECT_EQ(answer.state(), v1::QUEUED);
  }
  EXPECT_EQ(Events(job, "resume"), 1);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(Ask(&Stub::Cancel, job, &answer).ok());
    EXPECT_EQ(answer.state(), v1::CANCELLED);
  }
  EXPECT_EQ(Events(job, "cancel"), 1);
  EXPECT_EQ(Ask(&Stub::Pause, job, &answer).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(Ask(&Stub::Resume, job, &answer).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(VerbsTest, AnArchivedJobLeavesTheListsAndComesBack) {
  const std::string job = Submit(JobFile()).id();
  v1::Job answer;
  const grpc::Status living = Archive(job, false, &answer);
  EXPECT_EQ(living.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(living.error_message(), HasSubstr("is QUEUED; only jobs that have ended"));
  ASSERT_TRUE(Ask(&Stub::Cancel, job, &answer).ok());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(Archive(job, false, &answer).ok());
    EXPECT_TRUE(answer.has_archived());
    EXPECT_FALSE(Listed(job, false));
    EXPECT_TRUE(Listed(job, true));
  }
  EXPECT_EQ(Events(job, "archive"), 1);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(Archive(job, true, &answer).ok());
    EXPECT_FALSE(answer.has_archived());
    EXPECT_TRUE(Listed(job, false));
    EXPECT_FALSE(Listed(job, true));
  }
  EXPECT_EQ(Events(job, "unarchive"), 1);
  EXPECT_EQ(Archive("j-none", false, &answer).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(VerbsTest, ARequestThatIsSentAgainIsOneJobOrSweep) {
  v1::SubmitRequest request;
  request.set_yaml(JobFile());
  request.set_file_name("a.yaml");
  request.set_request_id("r-1");
  v1::Job first, again;
  grpc::ClientContext a, b;
  ASSERT_TRUE(client_->Submit(&a, request, &first).ok());
  ASSERT_TRUE(client_->Submit(&b, request, &again).ok());
  EXPECT_EQ(first.id(), again.id());
  request.set_yaml(JobFile("sweep: {name: s, grid: {seed: [1, 2]}}\n"));
  request.set_request_id("r-2");
  v1::Sweep one, two;
  grpc::ClientContext c, d;
  ASSERT_TRUE(client_->SubmitSweep(&c, request, &one).ok());
  ASSERT_TRUE(client_->SubmitSweep(&d, request, &two).ok());
  EXPECT_EQ(one.id(), two.id());
  EXPECT_EQ(two.runs_size(), 2);
  v1::SweepRequest sweep;
  sweep.set_sweep(one.id());
  for (int i = 0; i < 2; ++i) {
    grpc::ClientContext context;
    ASSERT_TRUE(client_->CancelSweep(&context, sweep, &two).ok());
    EXPECT_EQ(two.state(), v1::CANCELLED);
  }
}

TEST_F(VerbsTest, DrainAskedTwiceIsTheSame) {
  FakeWorker worker("w");
  worker.Attach(address());
  v1::Worker answer;
  const auto drain = [&](bool undo) {
    grpc::ClientContext context;
    v1::DrainRequest request;
    request.set_worker("w");
    request.set_undo(undo);
    return client_->Drain(&context, request, &answer).ok();
  };
  ASSERT_TRUE(testing_support::WaitUntil([&] { return drain(false); })) << "it never attached";
  ASSERT_TRUE(drain(false));
  EXPECT_EQ(answer.state(), "draining");
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(drain(true));
    EXPECT_EQ(answer.state(), "idle");
  }
}

}  // namespace
}  // namespace hebb::rpc
