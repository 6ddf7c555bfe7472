// SPDX-License-Identifier: Apache-2.0
// The JobStore that lasts: one SQLite file, docs/state_schema.md. Why SQLite: docs/adr/0001.
#ifndef HEBB_SERVER_STORE_SQLITE_JOB_STORE_H_
#define HEBB_SERVER_STORE_SQLITE_JOB_STORE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/store/job_store.h"
#include "server/store/read_pool.h"
#include "server/store/sqlite.h"
#include "server/store/store_timer.h"
#include "server/store/write_queue.h"

namespace hebb::store {

// Thread-safe. Writes go through one WriteQueue; those that come at the same time share an fsync.
// Reads go over a few connections of their own and wait for no write.
//
// Invariants: (1) every public call is one transaction, a write's at least; (2) what a call returns
// was read or written in that transaction.
class SqliteJobStore : public JobStore {
 public:
  // Creates the file or brings an older one to this build's schema. Errors as Database::Open and
  // Migrate: one line with the file and the remedy.
  static absl::StatusOr<std::unique_ptr<SqliteJobStore>> Open(
      const std::string& path, absl::Duration busy_timeout = absl::Seconds(5),
      const StoreTimer& timer = {});

  using JobStore::Create;
  absl::StatusOr<job::Job> Create(const job::Job& job, int64_t queued_max) override;
  absl::StatusOr<job::Job> Get(absl::string_view key) override;
  absl::StatusOr<std::vector<job::Job>> List(bool ended) override;
  absl::StatusOr<Listing> List(const Filter& filter, const Page& page) override;
  absl::StatusOr<Overview> ReadOverview(absl::Time ended_after) override;
  absl::StatusOr<job::Job> Update(absl::string_view id, const Change& change) override;
  absl::StatusOr<std::vector<job::Job>> UpdateAll(const std::vector<std::string>& ids,
                                                  const Change& change) override;
  using JobStore::CreateSweep;
  absl::StatusOr<job::Sweep> CreateSweep(const job::Sweep& sweep, const std::vector<job::Job>& jobs,
                                         int64_t queued_max) override;
  absl::StatusOr<job::Sweep> GetSweep(absl::string_view key) override;
  absl::StatusOr<std::vector<SweepOverview>> ListSweeps() override;
  absl::StatusOr<std::vector<job::Job>> SweepJobs(absl::string_view id) override;
  absl::Status PutEpoch(absl::string_view id, const job::EpochRecord& record) override;
  absl::StatusOr<std::vector<job::EpochRecord>> Epochs(absl::string_view id) override;
  absl::Status PutDigests(absl::string_view id, const std::vector<job::StepDigest>& digests,
                          bool exact) override;
  absl::StatusOr<std::vector<job::StepDigest>> Digests(absl::string_view id, int64_t after_step,
                                                       int64_t limit) override;
  absl::Status AddProvenance(absl::string_view id, const job::Provenance& told) override;
  absl::StatusOr<job::Provenance> ReadProvenance(absl::string_view id) override;
  absl::Status AppendEvent(absl::string_view id, const job::Event& event) override;
  absl::StatusOr<std::vector<job::Event>> Events(absl::string_view id) override;
  absl::StatusOr<std::vector<job::FileRef>> PutCheckpoint(absl::string_view id,
                                                          const job::FileRef& file,
                                                          int64_t keep) override;
  absl::StatusOr<std::vector<job::FileRef>> Checkpoints(absl::string_view id) override;
  absl::StatusOr<bool> IsCheckpoint(absl::string_view sha256) override;
  absl::StatusOr<bool> IsInit(absl::string_view sha256) override;
  absl::StatusOr<std::vector<job::FileRef>> DropCheckpoints(absl::string_view id) override;
  absl::StatusOr<std::vector<std::string>> EndedBefore(absl::Time time, int64_t limit) override;
  absl::StatusOr<std::vector<std::string>> ArchivedBefore(absl::Time time, int64_t limit) override;
  absl::Status PutUsage(const job::Usage& usage) override;
  absl::StatusOr<job::Usage> ReadUsage() override;

 private:
  SqliteJobStore(std::unique_ptr<Database> writer, std::unique_ptr<ReadPool> readers,
                 const StoreTimer& timer)
      : readers_(std::move(readers)), writer_(std::move(writer), timer) {}

  // What `change` gives (a StatusOr), once it is durable.
  template <typename F>
  auto Write(const F& change) -> decltype(change(std::declval<Database&>())) {
    decltype(change(std::declval<Database&>())) result = absl::InternalError("never run");
    const absl::Status status = writer_.Run([&](Database& database) {
      result = change(database);
      return result.status();
    });
    if (!status.ok()) return status;
    return result;
  }

  const std::unique_ptr<ReadPool> readers_;
  WriteQueue writer_;
};

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_SQLITE_JOB_STORE_H_
