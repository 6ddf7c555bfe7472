// SPDX-License-Identifier: Apache-2.0
#include "server/store/read_pool.h"

#include "absl/time/clock.h"
#include "common/log.h"
#include "common/status_macros.h"

namespace hebb::store {

absl::StatusOr<std::unique_ptr<ReadPool>> ReadPool::Open(const std::string& path,
                                                         absl::Duration busy_timeout,
                                                         int connections, StoreTimer timer) {
  std::unique_ptr<ReadPool> pool(new ReadPool(std::move(timer)));
  absl::MutexLock lock(&pool->mutex_);
  for (int i = 0; i < connections; ++i) {
    HEBB_ASSIGN_OR_RETURN(std::unique_ptr<Database> database, Database::Open(path, busy_timeout));
    HEBB_RETURN_IF_ERROR(database->Run("PRAGMA query_only = ON"));
    pool->idle_.push_back(std::move(database));
  }
  return pool;
}

absl::StatusOr<ReadPool::Reader> ReadPool::Take() {
  const absl::Time begin = absl::Now();
  std::unique_ptr<Database> database;
  {
    const auto is_free = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !idle_.empty(); };
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&is_free));
    database = std::move(idle_.back());
    idle_.pop_back();
  }
  Reader reader(*this, std::move(database), begin);
  HEBB_RETURN_IF_ERROR((*reader).Run("BEGIN"));
  return reader;
}

ReadPool::Reader::~Reader() {
  if (database_ == nullptr) return;
  if (database_->InTransaction()) {
    const absl::Status status = database_->Run("ROLLBACK");
    if (!status.ok()) LogWarning("rollback", {{"cause", std::string(status.message())}});
  }
  {
    absl::MutexLock lock(&pool_->mutex_);
    pool_->idle_.push_back(std::move(database_));
  }
  if (pool_->timer_) pool_->timer_("read", absl::Now() - begin_);
}

}  // namespace hebb::store
