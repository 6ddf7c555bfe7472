// SPDX-License-Identifier: Apache-2.0
// The one writer of a state file. Changes that wait at the same time share a transaction and its
// fsync, so that many clients are not slower than the disk.
#ifndef HEBB_SERVER_STORE_WRITE_QUEUE_H_
#define HEBB_SERVER_STORE_WRITE_QUEUE_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "server/store/sqlite.h"
#include "server/store/store_timer.h"

namespace hebb::store {

// Thread-safe.
class WriteQueue {
 public:
  // Changes that wait at most; more callers wait for a place.
  static constexpr size_t kMaxWaiting = 1024;
  // Changes in one transaction at most, so that the first of them does not wait for all.
  static constexpr size_t kMaxBatch = 256;

  // Owns the connection and starts its thread.
  explicit WriteQueue(std::unique_ptr<Database> database, StoreTimer timer = {});
  // Runs what waits, then ends the thread. Nobody may call Run any more.
  ~WriteQueue();
  WriteQueue(const WriteQueue&) = delete;
  WriteQueue& operator=(const WriteQueue&) = delete;

  // Called once, on the writer's thread, inside a transaction; its error undoes what it did and
  // nothing else. It must not call Run.
  using Change = absl::FunctionRef<absl::Status(Database&)>;

  // Waits for the change's end. OK: what it wrote is durable. Its own error; or the error of the
  // transaction that it was in, of which nothing was written then.
  absl::Status Run(Change change);

  // Whether `count` changes wait for the writer, within `timeout`: for tests that need them in one
  // transaction.
  bool AwaitWaiting(size_t count, absl::Duration timeout);

 private:
  struct Ticket {
    const Change change;
    absl::Status result = absl::OkStatus();
    absl::Notification done = {};
  };
  using Batch = std::vector<Ticket*>;

  void Work();
  Batch TakeBatch();  // empty: the end
  void RunBatch(const Batch& batch);
  absl::Status RunAlone(Ticket& ticket);

  const std::unique_ptr<Database> database_;  // of the thread
  const StoreTimer timer_;
  absl::Mutex mutex_;
  std::deque<Ticket*> waiting_ ABSL_GUARDED_BY(mutex_);
  bool ends_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses all others
};

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_WRITE_QUEUE_H_
