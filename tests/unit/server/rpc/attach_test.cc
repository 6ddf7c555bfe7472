// SPDX-License-Identifier: Apache-2.0
// What is proven: attached workers hold no thread of the coordinator, and its stop ends their
// streams with a status that says what to do. How: many real streams over one channel, without
// threads on their side, in this process, whose threads are counted.
#include <algorithm>
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

}  // namespace
}  // namespace hebb::rpc
