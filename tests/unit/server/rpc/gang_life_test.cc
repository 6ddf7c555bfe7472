// SPDX-License-Identifier: Apache-2.0
// What is proven: a job from submit to its end over the real streams, with workers that vanish,
// freeze, come back and join, and with a coordinator that restarts under them.
// How: fake workers on loopback; the coordinator's parts are the real ones, on a memory store.
#include "absl/strings/str_cat.h"
#include "common/rpc/channel.h"
#include "tests/testing/wait.h"
#include "tests/unit/server/rpc/service_fixture.h"

namespace hebb::rpc {
namespace {

using ::testing::HasSubstr;
using testing_support::WaitUntil;

constexpr char kTwoWorkers[] = "resources: {workers: 2, min_workers: 1}\n";

v1::CheckpointId CheckpointOf(const v1::FormGang& form, int64_t step) {
  v1::CheckpointId id;
  id.set_job(form.generation().job());
  id.set_attempt(form.generation().attempt());
  id.set_generation(form.generation().generation());
  id.set_step(step);
  id.set_weights_digest(absl::StrCat("weights-", step));
  return id;
}

v1::HeldAttempt Holding(const v1::FormGang& form) {
  v1::HeldAttempt held;
  *held.mutable_generation() = form.generation();
  held.set_rank(form.rank());
  held.set_in_gang(true);
  return held;
}

class GangLifeTest : public ServiceTest {
 protected:
  void AttachBoth() {
    a_.Attach(address());
    a_.Expect(v1::ToWorker::kWelcome);  // known before the other, so that it is rank 0
    b_.Attach(address());
    b_.Expect(v1::ToWorker::kWelcome);
  }
  static void SendFatal(FakeWorker& worker, const v1::GenerationId& id, const std::string& cause) {
    v1::FromWorker message;
    *message.mutable_report()->mutable_generation() = id;
    message.mutable_report()->set_fatal(true);
    message.mutable_report()->set_cause(cause);
    worker.Send(message);
  }
  FakeWorker a_{"a"};
  FakeWorker b_{"b"};
};

TEST_F(GangLifeTest, JobRunsFromSubmitToSucceeded) {
  const v1::Job job = Submit(JobFile(kTwoWorkers) + "");
  Await(job.id(), [](const v1::Job& j) { return !j.reason().empty(); });  // says what it waits for
  AttachBoth();
  // The first may start alone (min_workers 1); the second then joins. Either way both take part.
  const v1::Assign assign = a_.ExpectAssign();
  EXPECT_EQ(assign.spec().dataset().name(), "glyphs");
  EXPECT_EQ(assign.spec_digest(), job.spec_digest());
  b_.ExpectAssign();
  a_.Report(Unformed(assign), 0);
  b_.Report(Unformed(assign), 0);
  v1::FormGang form = a_.ExpectFormGang();
  if (form.size() == 1) {
    const v1::LeaveGang leave = a_.ExpectLeaveGang();
    EXPECT_EQ(leave.when(), v1::LeaveGang::AT_STEP_BOUNDARY);
    a_.Report(form.generation(), 1);
    form = a_.ExpectFormGang();
  }
  EXPECT_EQ(form.size(), 2);
  EXPECT_EQ(form.rank(), 0);
  EXPECT_EQ(form.backend(), "gloo");
  EXPECT_EQ(b_.ExpectFormGang().rank(), 1);
  AwaitState(job.id(), v1::RUNNING);
  a_.SendProgress(form.generation(), 42);
  const v1::Job running = Await(job.id(), [](const v1::Job& j) { return j.step() == 42; });
  EXPECT_EQ(running.workers_size(), 2);
  EXPECT_DOUBLE_EQ(running.metrics().train_loss(), 0.5);
  EXPECT_TRUE(Upload(CheckpointOf(form, 100), "final weights").ok());
  b_.SendResult(form.generation(), v1::AttemptResult::SUCCEEDED);
  a_.SendResult(form.generation(), v1::AttemptResult::SUCCEEDED);
  a_.Expect(v1::ToWorker::kResultAccepted);
  a_.Expect(v1::ToWorker::kRelease);
  b_.Expect(v1::ToWorker::kRelease);
  const v1::Job done = Get(job.id());
  EXPECT_EQ(done.state(), v1::SUCCEEDED);
  EXPECT_DOUBLE_EQ(done.metrics().test_accuracy(), 0.875);
  EXPECT_EQ(done.weights_digest(), "weights-100");
  ASSERT_EQ(done.attempts_size(), 1);
  EXPECT_EQ(done.attempts(0).outcome(), "succeeded");
}

TEST_F(GangLifeTest, VanishedWorkerIsLeftOutAndItsReplacementJoins) {
  AttachBoth();
  const v1::Job job = Submit(JobFile(kTwoWorkers));
  const v1::FormGang first = FormGang({&a_, &b_}, job);
  b_.Vanish();
  const v1::LeaveGang leave = a_.ExpectLeaveGang();
  EXPECT_EQ(leave.when(), v1::LeaveGang::NOW);
  EXPECT_THAT(leave.reason(), HasSubstr("worker b (host localhost, rank 1) lost: its connection"));
  a_.Report(first.generation(), 10, "aborted");
  const v1::FormGang second = a_.ExpectFormGang();
  EXPECT_EQ(second.size(), 1);
  EXPECT_EQ(second.start_step(), 10);
  FakeWorker c("c");
  c.Attach(address());
  const v1::Assign assign = c.ExpectAssign();
  EXPECT_FALSE(assign.has_resume());  // the gang has a newer state
  c.Report(Unformed(assign), 0);
  EXPECT_EQ(a_.ExpectLeaveGang().when(), v1::LeaveGang::AT_STEP_BOUNDARY);
  a_.Report(second.generation(), 12);
  const v1::FormGang third = c.ExpectFormGang();
  EXPECT_EQ(third.size(), 2);
  EXPECT_EQ(third.state_source(), 0);
  ASSERT_EQ(third.state_wanted_size(), 1);
  EXPECT_EQ(third.state_wanted(0), 1);
  EXPECT_EQ(Get(job.id()).attempts(0).generation(), 3);
}

TEST_F(GangLifeTest, FrozenWorkerIsLeftOutWithinTheDeadline) {
  AttachBoth();
  const v1::Job job = Submit(JobFile(kTwoWorkers));
  const v1::FormGang form = FormGang({&a_, &b_}, job);
  b_.Freeze();
  EXPECT_THAT(a_.ExpectLeaveGang().reason(), HasSubstr("no heartbeat for 400ms"));
  a_.Report(form.generation(), 10, "aborted");
  EXPECT_EQ(a_.ExpectFormGang().size(), 1);
  b_.Expect(v1::ToWorker::kRelease);  // what it reads when it wakes up
}

TEST_F(GangLifeTest, AttemptLostWithAllItsWorkersResumesFromItsCheckpoint) {
  a_.Attach(address());
  const v1::Job job = Submit(JobFile());
  const v1::FormGang form = FormGang({&a_}, job);
  EXPECT_EQ(form.size(), 1);
  ASSERT_TRUE(Upload(CheckpointOf(form, 50), "weights at 50").ok());
  a_.Vanish();
  Await(job.id(), [](const v1::Job& j) {
    return j.state() == v1::QUEUED && j.attempts_size() == 1 && j.attempts(0).outcome() == "lost";
  });
  FakeWorker c("c");
  c.Attach(address());
  const v1::Assign assign = c.ExpectAssign();
  EXPECT_EQ(assign.attempt(), 2);
  EXPECT_EQ(assign.resume().step(), 50);
  EXPECT_EQ(assign.resume().bytes(), 13);
}

TEST_F(GangLifeTest, AttemptsWithoutProgressFailTheJobWithTheirCauses) {
  options_.lost_attempts_max = 3;
  StopCoordinator();
  StartCoordinator();
  const v1::Job job = Submit(JobFile());
  for (int attempt = 1; attempt <= 3; ++attempt) {
    FakeWorker worker(absl::StrCat("w", attempt));
    worker.Attach(address());
    EXPECT_EQ(worker.ExpectAssign().attempt(), attempt);
    worker.Vanish();
    Await(job.id(), [&](const v1::Job& j) {
      return j.attempts_size() == attempt && !j.attempts(attempt - 1).outcome().empty();
    });
  }
  const v1::Job failed = Get(job.id());
  EXPECT_EQ(failed.state(), v1::FAILED);
  EXPECT_THAT(failed.reason(), HasSubstr("3 attempts in a row were lost without a step gained"));
  EXPECT_THAT(failed.reason(), HasSubstr("worker w3 (host localhost"));
}

TEST_F(GangLifeTest, FatalReportFailsTheJob) {
  a_.Attach(address());
  const v1::Job job = Submit(JobFile());
  SendFatal(a_, Unformed(a_.ExpectAssign()), "glyphs: label 11 of record 3 is out of range");
  EXPECT_THAT(AwaitState(job.id(), v1::FAILED).reason(), HasSubstr("label 11 of record 3"));
  a_.Expect(v1::ToWorker::kRelease);
}

TEST_F(GangLifeTest, CheckpointOfAnOldGenerationIsAborted) {
  AttachBoth();
  const v1::Job job = Submit(JobFile(kTwoWorkers));
  const v1::FormGang form = FormGang({&a_, &b_}, job);
  b_.Vanish();
  a_.ExpectLeaveGang();
  a_.Report(form.generation(), 10, "aborted");
  const v1::FormGang second = a_.ExpectFormGang();
  EXPECT_EQ(Upload(CheckpointOf(form, 10), "old").error_code(), grpc::StatusCode::ABORTED);
  EXPECT_TRUE(Upload(CheckpointOf(second, 11), "new").ok());
  EXPECT_TRUE(Upload(CheckpointOf(second, 11), "new").ok());  // once more does no harm
}

TEST_F(GangLifeTest, LateProgressOfAnOldGenerationDoesNotSetTheStepBack) {
  AttachBoth();
  const v1::Job job = Submit(JobFile(kTwoWorkers));
  const v1::FormGang form = FormGang({&a_, &b_}, job);
  b_.Vanish();
  a_.ExpectLeaveGang();
  a_.Report(form.generation(), 10, "aborted");
  const v1::FormGang second = a_.ExpectFormGang();
  a_.SendProgress(second.generation(), 20);
  Await(job.id(), [](const v1::Job& j) { return j.step() == 20; });
  a_.SendProgress(form.generation(), 10);
  SendFatal(a_, second.generation(), "enough");  // what was not written down yet is, at the end
  EXPECT_EQ(AwaitState(job.id(), v1::FAILED).step(), 20);
}

TEST_F(GangLifeTest, CancelStopsTheGangAtABoundary) {
  a_.Attach(address());
  const v1::Job job = Submit(JobFile());
  const v1::FormGang form = FormGang({&a_}, job);
  v1::Job response;
  ASSERT_TRUE(Cancel(job.id(), &response).ok());
  EXPECT_EQ(response.state(), v1::CANCELLING);
  a_.Expect(v1::ToWorker::kStop);
  a_.SendResult(form.generation(), v1::AttemptResult::STOPPED);
  AwaitState(job.id(), v1::CANCELLED);
  a_.Expect(v1::ToWorker::kRelease);
}

TEST_F(GangLifeTest, JobCancelledBetweenItsAttemptsIsForgotten) {
  a_.Attach(address());
  const v1::Job job = Submit(JobFile());
  a_.ExpectAssign();
  a_.Vanish();
  const auto remembered = [&] { return running_->controller.Fleet().remembered_jobs; };
  ASSERT_TRUE(WaitUntil([&] { return remembered().contains(job.id()); }));
  v1::Job response;
  ASSERT_TRUE(Cancel(job.id(), &response).ok());
  EXPECT_EQ(response.state(), v1::CANCELLED);
  EXPECT_TRUE(WaitUntil([&] { return remembered().empty(); }));
}

TEST_F(GangLifeTest, RestartOfTheCoordinatorHarmsNoRunningJob) {
  AttachBoth();
  const v1::Job job = Submit(JobFile(kTwoWorkers));
  const v1::FormGang form = FormGang({&a_, &b_}, job);
  const v1::HeldAttempt held_a = Holding(form);
  v1::HeldAttempt held_b = held_a;
  held_b.set_rank(1);
  StopCoordinator();
  StartCoordinator();
  Await(job.id(), [](const v1::Job& j) { return j.unreachable() && j.state() == v1::RUNNING; });
  a_.Attach(address(), held_a);
  b_.Attach(address(), held_b);
  Await(job.id(), [](const v1::Job& j) { return !j.unreachable(); });
  a_.SendResult(form.generation(), v1::AttemptResult::SUCCEEDED);
  a_.Expect(v1::ToWorker::kResultAccepted);
  const v1::Job done = Get(job.id());
  EXPECT_EQ(done.state(), v1::SUCCEEDED);
  EXPECT_EQ(done.attempts_size(), 1);
  EXPECT_EQ(done.attempts(0).generation(), 1);
}

TEST_F(GangLifeTest, WorkerOfAnEndedJobIsReleased) {
  a_.Attach(address());
  const v1::Job job = Submit(JobFile());
  const v1::FormGang form = FormGang({&a_}, job);
  a_.SendResult(form.generation(), v1::AttemptResult::SUCCEEDED);
  AwaitState(job.id(), v1::SUCCEEDED);
  a_.Attach(address(), Holding(form));  // it never read the answer
  a_.Expect(v1::ToWorker::kRelease);
}

TEST_F(GangLifeTest, WorkerOfAnotherVersionIsRefusedByName) {
  a_.Attach(address(), {}, "0-old");
  const auto refused = a_.Expect(v1::ToWorker::kRefused);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->refused().reason(),
            absl::StrCat("worker a (build test-build) speaks protocol 0-old, this coordinator ",
                         kProtocolVersion, "; install the same version of Hebb on both"));
}

TEST_F(GangLifeTest, RendezvousLivesAsLongAsItsGeneration) {
  AttachBoth();
  const v1::Job job = Submit(JobFile(kTwoWorkers));
  const v1::FormGang form = FormGang({&a_, &b_}, job);
  auto stub = v1::Workers::NewStub(MakeChannel(address()));
  grpc::ClientContext set_context;
  v1::SetKeyRequest set;
  *set.mutable_generation() = form.generation();
  set.set_key("rank0");
  set.set_value("127.0.0.1:1");
  v1::SetKeyResponse none;
  ASSERT_TRUE(stub->SetKey(&set_context, set, &none).ok());
  v1::GetKeyRequest get;
  *get.mutable_generation() = form.generation();
  get.set_key("rank0");
  v1::GetKeyResponse value;
  grpc::ClientContext get_context;
  ASSERT_TRUE(stub->GetKey(&get_context, get, &value).ok());
  EXPECT_EQ(value.value(), "127.0.0.1:1");
  b_.Vanish();
  get.set_key("never set");
  grpc::ClientContext wait_context;
  SetDeadline(wait_context, absl::Now() + absl::Seconds(20));
  EXPECT_EQ(stub->GetKey(&wait_context, get, &value).error_code(), grpc::StatusCode::ABORTED);
}

}  // namespace
}  // namespace hebb::rpc
