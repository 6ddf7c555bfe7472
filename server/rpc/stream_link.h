// SPDX-License-Identifier: Apache-2.0
// The queue between the control loop and one worker's stream, and what is under way on it.
#ifndef HEBB_SERVER_RPC_STREAM_LINK_H_
#define HEBB_SERVER_RPC_STREAM_LINK_H_

#include <grpcpp/grpcpp.h>

#include <deque>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "hebb/v1/workers.pb.h"
#include "server/control/worker_registry.h"

namespace hebb::rpc {

// Thread-safe: the control loop sends, gRPC's threads report what is done. Holds no thread: each
// finished write starts the next. The control loop may keep it when its stream is long over.
class StreamLink final : public control::WorkerLink {
 public:
  using Reactor = grpc::ServerBidiReactor<v1::FromWorker, v1::ToWorker>;

  // Both stay until Gone.
  StreamLink(Reactor& reactor, grpc::ServerContextBase& call) : reactor_(&reactor), call_(&call) {}

  bool Send(const control::ToWorker& message) override;
  // Here: with UNAVAILABLE, as the worker is to attach again.
  void Close() override;

  // Ends the stream with `status` once what is queued has been sent. The first status counts.
  void CloseWith(const grpc::Status& status);
  // Starts to read the next message, unless the stream has been finished.
  void Read(v1::FromWorker& message);
  // From the reactor: the write under way ended.
  void OnWritten(bool ok);
  // From the reactor, as its last: nothing touches it any more.
  void Gone();

 private:
  void CloseLocked(const grpc::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Starts the next write, or finishes the stream, if that is possible now.
  void Go() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  Reactor* reactor_ ABSL_GUARDED_BY(mutex_);
  grpc::ServerContextBase* call_ ABSL_GUARDED_BY(mutex_);
  std::deque<v1::ToWorker> queue_ ABSL_GUARDED_BY(mutex_);
  v1::ToWorker written_;  // gRPC's while writing_
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_STREAM_LINK_H_
