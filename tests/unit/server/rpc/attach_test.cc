// SPDX-License-Identifier: Apache-2.0
// What is proven: attached workers hold no thread of the coordinator, and its stop ends their
// streams with a status that says what to do; a worker that floods its log harms nobody. How: many
// real streams over one channel, without threads on their side, in this process, whose threads are
// counted.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/channel.h"
#include "tests/testing/wait.h"
#include "tests/unit/server/rpc/service_fixture.h"

namespace hebb::rpc {
namespace {

using ::testing::HasSubstr;
using testing_support::WaitUntil;

constexpr int kStreams = 90;  // gRPC opens 100 over one connection

int64_t Threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                       std::filesystem::directory_iterator());
}

class AttachTest : public ServiceTest {
 protected:
  using Stream = grpc::ClientReaderWriter<v1::FromWorker, v1::ToWorker>;

  void AttachMany() {
    stub_ = v1::Workers::NewStub(MakeChannel(address()));
    for (int i = 0; i < kStreams; ++i) {
      contexts_.push_back(std::make_unique<grpc::ClientContext>());
      contexts_.back()->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
      streams_.push_back(stub_->Attach(contexts_.back().get()));
      v1::FromWorker message;
      message.mutable_hello()->set_protocol(kProtocolVersion);
      message.mutable_hello()->mutable_worker()->set_id(absl::StrCat("w-", i));
      ASSERT_TRUE(streams_.back()->Write(message));
      v1::ToWorker answer;
      ASSERT_TRUE(streams_.back()->Read(&answer)) << "stream " << i;
      ASSERT_TRUE(answer.has_welcome()) << answer.ShortDebugString();
    }
  }

  std::unique_ptr<v1::Workers::Stub> stub_;
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts_;
  std::vector<std::unique_ptr<Stream>> streams_;
};

TEST_F(AttachTest, WorkersHoldNoThreads) {
  const int64_t before = Threads();
  AttachMany();
  EXPECT_LT(Threads() - before, kStreams / 2);
  for (auto& context : contexts_) context->TryCancel();
  for (auto& stream : streams_) EXPECT_FALSE(stream->Finish().ok());
  EXPECT_TRUE(WaitUntil([&] { return running_->controller.Fleet().workers.empty(); }))
      << "a stream that was cut is noticed, and its idle worker forgotten";
}

TEST_F(AttachTest, StopEndsStreamsAndSaysWhatToDo) {
  AttachMany();
  StopCoordinator();
  for (auto& stream : streams_) {
    const grpc::Status status = stream->Finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
    EXPECT_THAT(status.error_message(), HasSubstr("attach again"));
  }
}

// ---- a worker that writes to its log without end ------------------------------------------------

class FloodTest : public ServiceTest {
 protected:
  // A flood is hard work: the worker that sends it is not to be missed on a busy machine.
  void SetUp() override {
    ServiceTest::SetUp();
    StopCoordinator();
    options_.times = Times(absl::Seconds(5));
    StartCoordinator();
  }

  static v1::FromWorker Batch(const v1::GenerationId& id, int rank, int lines) {
    v1::FromWorker message;
    v1::LogBatch& batch = *message.mutable_log();
    *batch.mutable_generation() = id;
    batch.set_rank(rank);
    for (int i = 0; i < lines; ++i) batch.add_lines()->set_text(std::string(16 << 10, '\x01'));
    return message;
  }
  // Two segments, and a line more each.
  static constexpr int64_t kKept = 2 * (store::LogStore::kSegmentMax + (65 << 10));
  // 0 while there is none.
  int64_t LogBytes(const std::string& job, int* files = nullptr) const {
    int64_t bytes = 0;
    std::error_code none;
    for (const auto& file : std::filesystem::directory_iterator(folder_ + "/logs/" + job, none)) {
      std::error_code gone;  // an old segment
      const auto size = file.file_size(gone);
      if (gone) continue;
      bytes += static_cast<int64_t>(size);
      if (files != nullptr) ++*files;
    }
    return bytes;
  }
};

TEST_F(FloodTest, ALogWithoutEndFillsNoDiskAndHoldsNobodyUp) {
  FakeWorker loud("loud"), quiet("quiet");
  const v1::Job job = Submit(JobFile());
  loud.Attach(address());
  const v1::FormGang formed = FormGang({&loud}, job);
  quiet.Attach(address());
  // Each byte is four in the file: 256 MiB there, of which two segments may stay.
  const v1::FromWorker flood = Batch(formed.generation(), 0, 64);
  for (int i = 0; i < 64; ++i) {
    loud.Send(flood);
    if (i % 32 != 0) continue;
    EXPECT_EQ(Get(job.id()).id(), job.id()) << "others are answered meanwhile";
    EXPECT_LE(LogBytes(job.id()), kKept);
  }
  loud.SendProgress(formed.generation(), 7);  // behind all of it
  Await(job.id(), [](const v1::Job& now) { return now.step() == 7; });
  EXPECT_LE(LogBytes(job.id()), kKept);
  EXPECT_EQ(Get(job.id()).attempts_size(), 1) << "nor is the worker itself taken for dead";
  for (const control::WorkerView& worker : running_->controller.Fleet().workers) {
    EXPECT_NE(worker.state, "silent") << worker.facts.id;
  }
}

TEST_F(FloodTest, RanksAndAttemptsThatTheJobHasNotGetNoFile) {
  FakeWorker loud("loud");
  const v1::Job job = Submit(JobFile());
  loud.Attach(address());
  const v1::FormGang formed = FormGang({&loud}, job);
  v1::GenerationId other = formed.generation();
  for (const int attempt : {-1, 0, 2, 1 << 30}) {
    other.set_attempt(attempt);
    loud.Send(Batch(other, 0, 1));
  }
  for (const int rank : {-2, 1, 1 << 30}) loud.Send(Batch(formed.generation(), rank, 1));
  loud.Send(Batch(formed.generation(), -1, 1));
  loud.Send(Batch(formed.generation(), 0, 1));
  loud.SendProgress(formed.generation(), 7);
  Await(job.id(), [](const v1::Job& now) { return now.step() == 7; });
  int files = 0;
  LogBytes(job.id(), &files);
  EXPECT_EQ(files, 2);
}

}  // namespace
}  // namespace hebb::rpc
