// SPDX-License-Identifier: Apache-2.0
// Connections that only read, so that readers wait neither for the writer nor for each other.
#ifndef HEBB_SERVER_STORE_READ_POOL_H_
#define HEBB_SERVER_STORE_READ_POOL_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/store/sqlite.h"
#include "server/store/store_timer.h"

namespace hebb::store {

// Thread-safe.
class ReadPool {
 public:
  // Errors as Database::Open.
  static absl::StatusOr<std::unique_ptr<ReadPool>> Open(const std::string& path,
                                                        absl::Duration busy_timeout,
                                                        int connections, StoreTimer timer = {});

  // A connection in a read transaction: all that is read through it is one state of the file, in
  // which every change is that was acknowledged before Take. One thread at a time; its statements
  // and it itself must not outlive the pool.
  class Reader {
   public:
    Reader(Reader&&) = default;
    Reader& operator=(Reader&&) = delete;
    ~Reader();
    Database& operator*() { return *database_; }

   private:
    friend class ReadPool;
    Reader(ReadPool& pool, std::unique_ptr<Database> database, absl::Time begin)
        : pool_(&pool), database_(std::move(database)), begin_(begin) {}
    ReadPool* const pool_;
    std::unique_ptr<Database> database_;  // null when moved from
    const absl::Time begin_;
  };
  // Waits while all connections are in use.
  absl::StatusOr<Reader> Take();

 private:
  explicit ReadPool(StoreTimer timer) : timer_(std::move(timer)) {}

  const StoreTimer timer_;
  absl::Mutex mutex_;
  std::vector<std::unique_ptr<Database>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_READ_POOL_H_
