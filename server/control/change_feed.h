// SPDX-License-Identifier: Apache-2.0
// Who wants to know when a job changes (Watch, WatchList, Logs -f) subscribes here; a store that
// tells it.
#ifndef HEBB_SERVER_CONTROL_CHANGE_FEED_H_
#define HEBB_SERVER_CONTROL_CHANGE_FEED_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/store/job_store.h"

namespace hebb::control {

// Counts the changes of jobs that somebody has subscribed to; of others it keeps nothing.
// Thread-safe.
class ChangeFeed {
 public:
  // Subscribes to any job's changes.
  static constexpr absl::string_view kAnyJob = "";
  // A topic of its own: a sweep was submitted. Its jobs change lists as well.
  static constexpr absl::string_view kSweeps = "sweeps";

  // While it lives, `changed` is called at each change and at Shutdown: under the feed's lock, so
  // it must be quick and must not touch the feed. Not called any more once the end has returned.
  class Subscription {
   public:
    Subscription(ChangeFeed& feed, absl::string_view job, std::function<void()> changed);
    ~Subscription();
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

   private:
    friend class ChangeFeed;
    ChangeFeed& feed_;
    const std::string job_;
    const std::function<void()> changed_;
  };

  // Differs from an earlier one's answer if the job has changed in between, for who is subscribed.
  uint64_t Version(absl::string_view job) const;
  void Bump(absl::string_view job);
  // Calls all; from now on the coordinator is stopping.
  void Shutdown();
  bool is_shut_down() const;

 private:
  struct Topic {
    uint64_t version = 0;
    std::set<Subscription*> subscriptions;
  };
  void BumpLocked(absl::string_view topic) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  uint64_t changes_ ABSL_GUARDED_BY(mutex_) = 0;  // so that no version comes twice
  std::map<std::string, Topic, std::less<>> topics_ ABSL_GUARDED_BY(mutex_);  // by job
  bool shut_down_ ABSL_GUARDED_BY(mutex_) = false;
};

// A JobStore that bumps the feed after each write. Thread-safe; borrows both.
class WatchedJobStore : public store::JobStore {
 public:
  WatchedJobStore(store::JobStore& inner, ChangeFeed& feed) : inner_(inner), feed_(feed) {}

  using JobStore::Create;
  absl::StatusOr<job::Job> Create(const job::Job& job, int64_t queued_max) override;
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
  using JobStore::CreateSweep;
  absl::StatusOr<job::Sweep> CreateSweep(const job::Sweep& sweep, const std::vector<job::Job>& jobs,
                                         int64_t queued_max) override;
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
