// SPDX-License-Identifier: Apache-2.0
// Who wants to know when a job changes (Watch, Logs -f, wait) sleeps here; a store that tells it.
#ifndef HEBB_SERVER_CONTROL_CHANGE_FEED_H_
#define HEBB_SERVER_CONTROL_CHANGE_FEED_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/store/job_store.h"

namespace hebb::control {

// Counts each job's changes. Thread-safe.
class ChangeFeed {
 public:
  uint64_t Version(absl::string_view job) const;
  void Bump(absl::string_view job);
  // Waits until the version of `job` is not `seen`, or the deadline, or Shutdown.
  void Wait(absl::string_view job, uint64_t seen, absl::Time deadline) const;
  // Waits for nothing but the deadline or Shutdown: the pace of a stream.
  void Pause(absl::Time deadline) const;
  // Wakes all, now and from now on.
  void Shutdown();
  bool is_shut_down() const;

 private:
  uint64_t VersionLocked(absl::string_view job) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  std::map<std::string, uint64_t, std::less<>> versions_ ABSL_GUARDED_BY(mutex_);
  bool shut_down_ ABSL_GUARDED_BY(mutex_) = false;
};

// A JobStore that bumps the feed after each write. Thread-safe; borrows both.
class WatchedJobStore : public store::JobStore {
 public:
  WatchedJobStore(store::JobStore& inner, ChangeFeed& feed) : inner_(inner), feed_(feed) {}

  absl::StatusOr<job::Job> Create(const job::Job& job) override;
  absl::StatusOr<job::Job> Get(absl::string_view key) override { return inner_.Get(key); }
  absl::StatusOr<std::vector<job::Job>> List(bool ended) override { return inner_.List(ended); }
  absl::StatusOr<Listing> List(const Filter& filter, const Page& page) override {
    return inner_.List(filter, page);
  }
  absl::StatusOr<Overview> ReadOverview(absl::Time ended_after) override {
    return inner_.ReadOverview(ended_after);
  }
  absl::StatusOr<job::Job> Update(absl::string_view id, const Change& change) override;
  absl::StatusOr<std::vector<job::Job>> UpdateAll(const std::vector<std::string>& ids,
                                                  const Change& change) override;
  absl::StatusOr<job::Sweep> CreateSweep(const job::Sweep& sweep,
                                         const std::vector<job::Job>& jobs) override {
    return inner_.CreateSweep(sweep, jobs);  // nobody can wait for a job before it has an id
  }
  absl::StatusOr<job::Sweep> GetSweep(absl::string_view key) override {
    return inner_.GetSweep(key);
  }
  absl::StatusOr<std::vector<SweepOverview>> ListSweeps() override { return inner_.ListSweeps(); }
  absl::StatusOr<std::vector<job::Job>> SweepJobs(absl::string_view id) override {
    return inner_.SweepJobs(id);
  }
  absl::Status PutEpoch(absl::string_view id, const job::EpochRecord& record) override;
  absl::StatusOr<std::vector<job::EpochRecord>> Epochs(absl::string_view id) override {
    return inner_.Epochs(id);
  }
  absl::Status PutDigests(absl::string_view id, const std::vector<job::StepDigest>& digests,
                          bool exact) override {
    return inner_.PutDigests(id, digests, exact);  // nobody waits for them
  }
  absl::StatusOr<std::vector<job::StepDigest>> Digests(absl::string_view id, int64_t after_step,
                                                       int64_t limit) override {
    return inner_.Digests(id, after_step, limit);
  }
  absl::Status AddProvenance(absl::string_view id, const job::Provenance& told) override {
    return inner_.AddProvenance(id, told);  // nobody waits for it
  }
  absl::StatusOr<job::Provenance> ReadProvenance(absl::string_view id) override {
    return inner_.ReadProvenance(id);
  }
  absl::Status AppendEvent(absl::string_view id, const job::Event& event) override;
  absl::StatusOr<std::vector<job::Event>> Events(absl::string_view id) override {
    return inner_.Events(id);
  }
  absl::StatusOr<std::vector<job::FileRef>> PutCheckpoint(absl::string_view id,
                                                          const job::FileRef& file,
                                                          int64_t keep) override;
  absl::StatusOr<std::vector<job::FileRef>> Checkpoints(absl::string_view id) override {
    return inner_.Checkpoints(id);
  }
  absl::StatusOr<bool> IsCheckpoint(absl::string_view sha256) override {
    return inner_.IsCheckpoint(sha256);
  }
  absl::StatusOr<bool> IsInit(absl::string_view sha256) override { return inner_.IsInit(sha256); }
  absl::StatusOr<std::vector<job::FileRef>> DropCheckpoints(absl::string_view id) override {
    return inner_.DropCheckpoints(id);
  }
  absl::StatusOr<std::vector<std::string>> EndedBefore(absl::Time time, int64_t limit) override {
    return inner_.EndedBefore(time, limit);
  }
  absl::StatusOr<std::vector<std::string>> ArchivedBefore(absl::Time time, int64_t limit) override {
    return inner_.ArchivedBefore(time, limit);
  }
  absl::Status PutUsage(const job::Usage& usage) override { return inner_.PutUsage(usage); }
  absl::StatusOr<job::Usage> ReadUsage() override { return inner_.ReadUsage(); }

 private:
  store::JobStore& inner_;
  ChangeFeed& feed_;
};

}  // namespace hebb::control

#endif  // HEBB_SERVER_CONTROL_CHANGE_FEED_H_
