// SPDX-License-Identifier: Apache-2.0
// Every RPC of a real coordinator, over its own port. An input is a row of calls: which method, and
// the bytes of its messages. Whatever comes, the coordinator answers and lives.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/check.h"
#include "server/coordinator.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/rpc_methods.h"
#include "tests/testing/temporary_folder.h"

namespace {

constexpr int kMostCalls = 8;
constexpr int kMostMessages = 8;
constexpr int kMostAnswers = 4;
constexpr auto kCallDeadline = std::chrono::milliseconds(150);
constexpr auto kEventDeadline = std::chrono::seconds(20);  // gRPC's own answers come at once
// A coordinator keeps what it is sent: a new one after so many inputs bounds that.
constexpr int kInputsPerCoordinator = 2000;

std::vector<std::string> Methods() {
  std::vector<std::string> paths;
  for (const auto* method : hebb::fuzz::RpcMethods()) {
    paths.push_back("/" + method->service()->full_name() + "/" + method->name());
  }
  return paths;
}

class Target {
 public:
  Target() {
    hebb::CoordinatorOptions options;
    options.listen = "127.0.0.1:0";
    options.http = "127.0.0.1:0";
    options.state_dir = folder_.path();
    auto coordinator = hebb::Coordinator::Start(options);
    HEBB_CHECK(coordinator.ok());
    coordinator_ = *std::move(coordinator);
    stub_ = std::make_unique<grpc::GenericStub>(
        grpc::CreateChannel(coordinator_->address(), grpc::InsecureChannelCredentials()));
  }

  void Call(const std::string& method, const std::vector<std::string>& messages) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallDeadline);
    grpc::CompletionQueue queue;
    auto stream = stub_->PrepareCall(&context, method, &queue);
    stream->StartCall(Tag(1));
    bool alive = Next(queue);
    for (size_t i = 0; alive && i < messages.size(); ++i) {
      const grpc::Slice slice(messages[i]);
      stream->Write(grpc::ByteBuffer(&slice, 1), Tag(2));
      alive = Next(queue);
    }
    if (alive) {
      stream->WritesDone(Tag(3));
      alive = Next(queue);
    }
    for (int i = 0; alive && i < kMostAnswers; ++i) {
      grpc::ByteBuffer answer;
      stream->Read(&answer, Tag(4));
      alive = Next(queue);
    }
    if (alive) context.TryCancel();
    grpc::Status status;
    stream->Finish(&status, Tag(5));
    Next(queue);
    queue.Shutdown();
    // The port is on this machine and the server is in this process: it is never out of reach.
    HEBB_CHECK(status.error_message().find("failed to connect") == std::string::npos);
  }

 private:
  static void* Tag(intptr_t number) { return reinterpret_cast<void*>(number); }
  static bool Next(grpc::CompletionQueue& queue) {
    void* tag = nullptr;
    bool ok = false;
    const auto outcome =
        queue.AsyncNext(&tag, &ok, std::chrono::system_clock::now() + kEventDeadline);
    HEBB_CHECK(outcome == grpc::CompletionQueue::GOT_EVENT);  // else the coordinator hangs
    return ok;
  }

  hebb::testing::TemporaryFolder folder_;
  std::unique_ptr<hebb::Coordinator> coordinator_;
  std::unique_ptr<grpc::GenericStub> stub_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto* const methods = new std::vector<std::string>(Methods());
  static std::unique_ptr<Target> target;
  static int inputs = 0;
  if (inputs++ % kInputsPerCoordinator == 0) {
    target.reset();
    target = std::make_unique<Target>();
  }
  hebb::fuzz::Input input(data, size);
  for (int call = 0; call < kMostCalls && !input.empty(); ++call) {
    const std::string& method = (*methods)[input.Byte() % methods->size()];
    std::vector<std::string> messages(1 + input.Byte() % kMostMessages);
    for (std::string& message : messages) message = std::string(input.Piece());
    target->Call(method, messages);
  }
  return 0;
}
