// SPDX-License-Identifier: Apache-2.0
// A stream of messages to a client, which holds no thread: its turns to look for the next message
// are a StreamPump's, gRPC calls it when one was sent.
#ifndef HEBB_SERVER_RPC_OUT_STREAM_H_
#define HEBB_SERVER_RPC_OUT_STREAM_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/status.h"
#include "common/steady_clock.h"
#include "server/rpc/stream_pump.h"

namespace hebb::rpc {

// A derived class says what comes next (Look). Owns itself from Begin until gRPC is done with it.
// `pump` must outlive the server.
template <typename Message>
class OutStream : public grpc::ServerWriteReactor<Message>,
                  public StreamPump::Stream,
                  public std::enable_shared_from_this<OutStream<Message>> {
 public:
  // `pace`: the least time from the sending of one message to the next turn.
  OutStream(StreamPump& pump, absl::Duration pace) : pump_(pump), pace_(pace) {}

  grpc::ServerWriteReactor<Message>* Begin() {
    self_ = this->shared_from_this();
    pump_.Wake(self_);
    return this;
  }

  // There may be something new. Cheap; from any thread.
  void Changed() {
    if (woken_.exchange(true)) return;
    absl::Time due;
    {
      absl::MutexLock lock(&mutex_);
      due = not_before_;
    }
    pump_.Wake(this->shared_from_this(), due);
  }

  void Turn() final {
    woken_ = false;
    {
      absl::MutexLock lock(&mutex_);
      if (writing_ || closed_) return;
    }
    Next next = Look();
    absl::MutexLock lock(&mutex_);
    if (closed_) return;
    if (next.end.has_value()) return CloseLocked(ToGrpc(*next.end));
    if (next.message == nullptr) return;
    writing_ = true;
    not_before_ = SteadyNow() + pace_;
    this->StartWrite(next.message);
  }

  void OnWriteDone(bool ok) final {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
    if (!ok) return CloseLocked(Gone());
    if (closed_) return FinishLocked();
    pump_.Wake(self_, not_before_);
  }
  void OnCancel() final {
    absl::MutexLock lock(&mutex_);
    CloseLocked(Gone());
  }
  void OnDone() final {
    Release();
    const std::shared_ptr<OutStream> last = std::move(self_);
  }

 protected:
  struct Next {
    const Message* message = nullptr;  // stays as it is until the next Look; null: nothing new
    std::optional<absl::Status> end = std::nullopt;
  };
  // One at a time, on a thread of the pump.
  virtual Next Look() = 0;
  // Gives back what others lent; Look may be running.
  virtual void Release() = 0;

 private:
  static grpc::Status Gone() { return {grpc::StatusCode::CANCELLED, "the client has gone"}; }

  void CloseLocked(const grpc::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!closed_) status_ = status;
    closed_ = true;
    if (!writing_) FinishLocked();
  }
  void FinishLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!std::exchange(finished_, true)) this->Finish(status_);
  }

  StreamPump& pump_;
  const absl::Duration pace_;
  std::shared_ptr<OutStream> self_;
  std::atomic<bool> woken_{false};
  absl::Mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
  absl::Time not_before_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_OUT_STREAM_H_
