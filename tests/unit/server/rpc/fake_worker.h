// SPDX-License-Identifier: Apache-2.0
// A scripted worker that speaks the real Attach stream over loopback: it says what the test says
// and remembers what it is told. It trains nothing.
#ifndef HEBB_TESTS_UNIT_SERVER_RPC_FAKE_WORKER_H_
#define HEBB_TESTS_UNIT_SERVER_RPC_FAKE_WORKER_H_

#include <grpcpp/grpcpp.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/protocol.h"
#include "hebb/v1/workers.grpc.pb.h"

namespace hebb::rpc {

// One thread at a time (the test's); has a reading and a heartbeat thread while attached.
class FakeWorker {
 public:
  explicit FakeWorker(std::string id) : id_(std::move(id)) {}
  ~FakeWorker() { Vanish(); }

  void Attach(const std::string& address, std::optional<v1::HeldAttempt> held = {},
              const std::string& protocol = kProtocolVersion);
  // The stream is cut, as when the process dies.
  void Vanish();
  // No heartbeat any more, but the stream stays, as when the process is stopped.
  void Freeze();

  void Send(const v1::FromWorker& message);
  void Report(const v1::GenerationId& left, int64_t step, const std::string& cause = "");
  void SendResult(const v1::GenerationId& id, v1::AttemptResult::Outcome outcome);
  void SendProgress(const v1::GenerationId& id, int64_t step);

  // The next message of this kind, passing over others; nullopt, and a failed test, after 20 s.
  std::optional<v1::ToWorker> Expect(v1::ToWorker::MessageCase kind);
  v1::Assign ExpectAssign() {
    return Expect(v1::ToWorker::kAssign).value_or(v1::ToWorker()).assign();
  }
  v1::FormGang ExpectFormGang() {
    return Expect(v1::ToWorker::kFormGang).value_or(v1::ToWorker()).form_gang();
  }
  v1::LeaveGang ExpectLeaveGang() {
    return Expect(v1::ToWorker::kLeaveGang).value_or(v1::ToWorker()).leave_gang();
  }
  const std::string& id() const { return id_; }

 private:
  using Stream = grpc::ClientReaderWriter<v1::FromWorker, v1::ToWorker>;
  void Read();
  void Beat();

  const std::string id_;
  std::unique_ptr<v1::Workers::Stub> stub_;
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<Stream> stream_;
  std::thread reader_;
  std::thread heart_;
  absl::Mutex write_mutex_;
  absl::Mutex mutex_;
  std::deque<v1::ToWorker> received_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool beating_ ABSL_GUARDED_BY(mutex_) = true;
};

// Generation 0 of an assignment: what the first report speaks of.
v1::GenerationId Unformed(const v1::Assign& assign);

}  // namespace hebb::rpc

#endif  // HEBB_TESTS_UNIT_SERVER_RPC_FAKE_WORKER_H_
