// SPDX-License-Identifier: Apache-2.0
// What waits to be written to the coordinator on the present stream.
//
// An outbox belongs to one stream at a time: what was not written when a stream broke is thrown
// away, because whatever must survive is state of the JobRunner, which tells it again when the next
// stream opens. So senders never wait, nothing counts twice, and the queue has a bound.
#ifndef HEBB_WORKER_RUNTIME_OUTBOX_H_
#define HEBB_WORKER_RUNTIME_OUTBOX_H_

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/steady_clock.h"
#include "hebb/v1/workers.pb.h"

namespace hebb::runtime {

// Thread-safe.
class Outbox {
 public:
  static constexpr size_t kCapacity = 4096;

  // A new stream: the queue is `first` and takes more.
  void Open(std::vector<v1::FromWorker> first);

  // The stream is over: what waits is dropped, Next and Send return at once.
  void Close();

  // The last word: nothing is taken after it; Next returns kClosed once all was taken. False if no
  // stream is open.
  bool SendLast(v1::FromWorker message);

  // Never waits. False if no stream is open. A full queue (a coordinator that does not read) closes
  // the stream, which is then made anew.
  bool Send(v1::FromWorker message);

  enum class Event { kMessage, kDeadline, kClosed };
  // Waits for the next message until `deadline` of SteadyNow().
  Event Next(absl::Time deadline, v1::FromWorker& message);

 private:
  enum class State { kClosed, kOpen, kEnding };
  bool Ready() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !queue_.empty() || state_ != State::kOpen;
  }

  absl::Mutex mutex_;
  SteadyCondVar changed_;  // what Ready looks at
  State state_ ABSL_GUARDED_BY(mutex_) = State::kClosed;
  std::deque<v1::FromWorker> queue_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_OUTBOX_H_
