// SPDX-License-Identifier: Apache-2.0
// The JobStore that lasts: one SQLite file, docs/state_schema.md. Why SQLite: docs/adr/0001.
#ifndef HEBB_SERVER_STORE_SQLITE_JOB_STORE_H_
#define HEBB_SERVER_STORE_SQLITE_JOB_STORE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/store/job_rules.h"
#include "server/store/job_store.h"
#include "server/store/sqlite.h"

namespace hebb::store {

// Thread-safe: one connection behind one mutex. A write costs one fsync, so readers wait for
// milliseconds at most.
//
// Invariants: (1) every public call is one transaction; (2) what a call returns was read or
// written in that transaction.
class SqliteJobStore : public JobStore {
 public:
  // Creates the file or brings an older one to this build's schema. Errors as Database::Open and
  // Migrate: one line with the file and the remedy.
  static absl::StatusOr<std::unique_ptr<SqliteJobStore>> Open(
      const std::string& path, absl::Duration busy_timeout = absl::Seconds(5));

  absl::StatusOr<job::Job> Create(const job::Job& job) override;
  absl::StatusOr<job::Job> Get(absl::string_view key) override;
  absl::StatusOr<std::vector<job::Job>> List(bool ended) override;
  absl::StatusOr<Overview> ReadOverview(absl::Time ended_after) override;
  absl::StatusOr<job::Job> Update(absl::string_view id, const Change& change) override;
  absl::StatusOr<std::vector<job::Job>> UpdateAll(const std::vector<std::string>& ids,
                                                  const Change& change) override;
  absl::StatusOr<job::Sweep> CreateSweep(const job::Sweep& sweep,
                                         const std::vector<job::Job>& jobs) override;
  absl::StatusOr<job::Sweep> GetSweep(absl::string_view key) override;
  absl::StatusOr<std::vector<SweepOverview>> ListSweeps() override;
  absl::StatusOr<std::vector<job::Job>> SweepJobs(absl::string_view id) override;
  absl::Status PutEpoch(absl::string_view id, const job::EpochRecord& record) override;
  absl::StatusOr<std::vector<job::EpochRecord>> Epochs(absl::string_view id) override;
  absl::Status AppendEvent(absl::string_view id, const job::Event& event) override;
  absl::StatusOr<std::vector<job::Event>> Events(absl::string_view id) override;
  absl::StatusOr<std::vector<job::FileRef>> PutCheckpoint(absl::string_view id,
                                                          const job::FileRef& file,
                                                          int64_t keep) override;
  absl::StatusOr<std::vector<job::FileRef>> Checkpoints(absl::string_view id) override;
  absl::StatusOr<bool> IsCheckpoint(absl::string_view sha256) override;

 private:
  explicit SqliteJobStore(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  absl::StatusOr<job::Job> Find(absl::string_view id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<job::Job> Apply(absl::string_view id, const Change& change)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The rows of `table` (job or sweep) that `key` may mean.
  absl::StatusOr<std::vector<KeyMatch>> Matches(absl::string_view table, absl::string_view key)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status RequireJob(absl::string_view id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<std::vector<job::FileRef>> ReadCheckpoints(absl::string_view id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status DeleteCheckpoint(absl::string_view id, int64_t step)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<bool> IsReferenced(absl::string_view sha256) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  const std::unique_ptr<Database> database_ ABSL_PT_GUARDED_BY(mutex_);
};

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_SQLITE_JOB_STORE_H_
