// SPDX-License-Identifier: Apache-2.0
// The queue between the control loop and one worker's stream.
#ifndef HEBB_SERVER_RPC_STREAM_LINK_H_
#define HEBB_SERVER_RPC_STREAM_LINK_H_

#include <deque>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "hebb/v1/workers.pb.h"
#include "server/control/worker_registry.h"

namespace hebb::rpc {

// Thread-safe: the control loop sends, the stream's writing thread takes.
class StreamLink final : public control::WorkerLink {
 public:
  bool Send(const control::ToWorker& message) override;
  void Close() override;

  // Waits for the next message; false once the link is closed and all is taken.
  bool Take(v1::ToWorker& message);
  bool is_closed() const;

 private:
  mutable absl::Mutex mutex_;
  std::deque<v1::ToWorker> queue_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_STREAM_LINK_H_
