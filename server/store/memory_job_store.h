// SPDX-License-Identifier: Apache-2.0
// A JobStore that forgets at exit: the fake for tests, and the reference of the contract suite.
#ifndef HEBB_SERVER_STORE_MEMORY_JOB_STORE_H_
#define HEBB_SERVER_STORE_MEMORY_JOB_STORE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/store/job_store.h"

namespace hebb::store {

// Thread-safe.
class MemoryJobStore : public JobStore {
 public:
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
  struct Record {
    int64_t sequence = 0;
    job::Job job;
    std::map<int64_t, job::EpochRecord> epochs;
    std::map<int64_t, job::StepDigest> digests;  // by step
    job::Provenance provenance;
    std::vector<job::Event> events;
    std::vector<job::FileRef> checkpoints;
  };

  template <typename Wanted>
  std::vector<const Record*> RecordsNewestFirst(const Wanted& wanted) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The job without spec_json and yaml.
  static job::Job Brief(const Record& record);
  // Takes `job` over, its news as events.
  static void Keep(Record& record, job::Job& job);
  absl::Status CheckRoom(const std::string& user, size_t added, int64_t queued_max) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  job::StateCounts Counts() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  template <typename Wanted>
  std::vector<job::Job> NewestFirst(const Wanted& wanted) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Record*> Find(absl::string_view id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsReferenced(absl::string_view sha256) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  std::map<std::string, Record, std::less<>> records_ ABSL_GUARDED_BY(mutex_);
  std::vector<job::Sweep> sweeps_ ABSL_GUARDED_BY(mutex_);  // oldest first
  job::Usage usage_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_MEMORY_JOB_STORE_H_
