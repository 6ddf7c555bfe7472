// SPDX-License-Identifier: Apache-2.0
// The durable record of jobs. SqliteJobStore keeps it in a file; MemoryJobStore in tests; one
// contract suite for both (tests/contract).
#ifndef HEBB_SERVER_STORE_JOB_STORE_H_
#define HEBB_SERVER_STORE_JOB_STORE_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/job/job.h"

namespace hebb::store {

// Thread-safe. A call that returned OK is durable (SQLite: WAL, synchronous=FULL), also after
// SIGKILL and power loss.
class JobStore {
 public:
  virtual ~JobStore() = default;

  // A user's jobs that wait (QUEUED), at most.
  static constexpr int64_t kAnyNumber = std::numeric_limits<int64_t>::max();

  // Idempotent by request_id (when not empty): a repeat returns the job stored first.
  // ALREADY_EXISTS when the id is taken: draw another. RESOURCE_EXHAUSTED, and nothing is written,
  // when `queued_max` jobs of its user wait already.
  virtual absl::StatusOr<job::Job> Create(const job::Job& job, int64_t queued_max) = 0;
  absl::StatusOr<job::Job> Create(const job::Job& job) { return Create(job, kAnyNumber); }

  // `key`: an id, a unique id prefix, or the name of exactly one job. NOT_FOUND;
  // INVALID_ARGUMENT when it fits several.
  virtual absl::StatusOr<job::Job> Get(absl::string_view key) = 0;

  // Newest first, without spec_json, yaml and failure. Without `ended`, jobs in terminal states are
  // left out.
  virtual absl::StatusOr<std::vector<job::Job>> List(bool ended) = 0;

  // Which jobs: all that is given must hold.
  struct Filter {
    std::vector<job::State> states = {};  // one of them; empty: any
    std::string user = {};
    std::string name = {};  // contained in the job's name
    std::string sweep = {};
    bool archived = false;  // archived jobs instead of the others
  };
  struct Page {
    int64_t size = 100;      // >= 1
    std::string token = {};  // Listing::next of the page before; "" for the first
  };
  struct Listing {
    std::vector<job::Job> jobs;
    std::string next;         // token of the page after this one; "" when there is none
    job::StateCounts counts;  // of all jobs that are not archived, whatever the filter
  };
  // One page, newest first, without spec_json and yaml. Its cost is that of the page, however many
  // jobs there are. A job that is submitted while somebody turns pages shows on none of the later
  // ones, and none is shown twice. INVALID_ARGUMENT: not a token of this filter.
  virtual absl::StatusOr<Listing> List(const Filter& filter, const Page& page) = 0;

  // All that an overview shows, in one consistent and cheap read, however many jobs have ended:
  // how many jobs are in each state, and the jobs that have not ended or ended after
  // `ended_after` (newest first, without spec_json and yaml). Archived ones are in neither.
  struct Overview {
    job::StateCounts count;
    std::vector<job::Job> recent;
  };
  virtual absl::StatusOr<Overview> ReadOverview(absl::Time ended_after) = 0;

  // Reads, changes and writes one job in one transaction. The state change is checked against the
  // transition table (FAILED_PRECONDITION, nothing written); an error from `change` is returned
  // and nothing is written. Attempts are part of the job, and what `change` puts into its `news`.
  // Returns what was written. `change` runs under the store's lock: it must not call the store.
  using Change = std::function<absl::Status(job::Job&)>;
  virtual absl::StatusOr<job::Job> Update(absl::string_view id, const Change& change) = 0;

  // Update of several jobs in one transaction and their order; nothing is written if one of them
  // is refused.
  virtual absl::StatusOr<std::vector<job::Job>> UpdateAll(const std::vector<std::string>& ids,
                                                          const Change& change) = 0;

  // Writes a sweep and its jobs in one transaction. Idempotent by the sweep's request_id (when not
  // empty): a repeat returns the sweep stored first and writes nothing. Every job must name the
  // sweep (INVALID_ARGUMENT), and all are one user's. ALREADY_EXISTS when an id is taken: draw
  // others. RESOURCE_EXHAUSTED when with them more than `queued_max` jobs of the user would wait.
  virtual absl::StatusOr<job::Sweep> CreateSweep(const job::Sweep& sweep,
                                                 const std::vector<job::Job>& jobs,
                                                 int64_t queued_max) = 0;
  absl::StatusOr<job::Sweep> CreateSweep(const job::Sweep& sweep,
                                         const std::vector<job::Job>& jobs) {
    return CreateSweep(sweep, jobs, kAnyNumber);
  }
  // `key` as for Get.
  virtual absl::StatusOr<job::Sweep> GetSweep(absl::string_view key) = 0;
  struct SweepOverview {
    job::Sweep sweep;
    job::StateCounts count;  // of its jobs
  };
  // Newest first.
  virtual absl::StatusOr<std::vector<SweepOverview>> ListSweeps() = 0;
  // Oldest first, the reverse of List's order, without spec_json and yaml. NOT_FOUND.
  virtual absl::StatusOr<std::vector<job::Job>> SweepJobs(absl::string_view id) = 0;

  // Overwrites the record of the same epoch (a step may be repeated after a recovery).
  virtual absl::Status PutEpoch(absl::string_view id, const job::EpochRecord& record) = 0;
  virtual absl::StatusOr<std::vector<job::EpochRecord>> Epochs(absl::string_view id) = 0;

  // Takes digests of one member's weights, in order of steps, into the job's chain; fills in
  // `chain`. ABORTED: one of them contradicts the chain (JudgeDigest), nothing is written.
  virtual absl::Status PutDigests(absl::string_view id, const std::vector<job::StepDigest>& digests,
                                  bool exact) = 0;
  // The first `limit` of the chain after `after_step`.
  virtual absl::StatusOr<std::vector<job::StepDigest>> Digests(absl::string_view id,
                                                               int64_t after_step,
                                                               int64_t limit) = 0;

  // What the job's results come from, added to what is known of it: `told.data` replaces digests
  // of the same files, `told.software` comes once each.
  virtual absl::Status AddProvenance(absl::string_view id, const job::Provenance& told) = 0;
  virtual absl::StatusOr<job::Provenance> ReadProvenance(absl::string_view id) = 0;

  virtual absl::Status AppendEvent(absl::string_view id, const job::Event& event) = 0;
  virtual absl::StatusOr<std::vector<job::Event>> Events(absl::string_view id) = 0;

  // Checkpoints in the order of their arrival, oldest first; a second one of the same step replaces
  // the first (and is the newest, unless it is the same file). Put also removes those beyond the
  // newest `keep` (>= 1) and returns the references that were removed and that no job's checkpoints
  // name any more, so that their files can be deleted.
  virtual absl::StatusOr<std::vector<job::FileRef>> PutCheckpoint(absl::string_view id,
                                                                  const job::FileRef& file,
                                                                  int64_t keep) = 0;
  virtual absl::StatusOr<std::vector<job::FileRef>> Checkpoints(absl::string_view id) = 0;
  // Whether a checkpoint of any job, ended or not, is this file.
  virtual absl::StatusOr<bool> IsCheckpoint(absl::string_view sha256) = 0;
  // Whether a job that has not ended starts from this file.
  virtual absl::StatusOr<bool> IsInit(absl::string_view sha256) = 0;

  // Forgets the checkpoints of an archived job and returns their files that nothing else names.
  // FAILED_PRECONDITION, and nothing is forgotten, when it has not ended or is not archived.
  virtual absl::StatusOr<std::vector<job::FileRef>> DropCheckpoints(absl::string_view id) = 0;
  // At most `limit` ids, oldest first: of jobs in the lists that ended, or were last taken back
  // from the archive, before `time`; of archived ones with files since before `time`.
  virtual absl::StatusOr<std::vector<std::string>> EndedBefore(absl::Time time, int64_t limit) = 0;
  virtual absl::StatusOr<std::vector<std::string>> ArchivedBefore(absl::Time time,
                                                                  int64_t limit) = 0;

  // The usage of all users; Put replaces it.
  virtual absl::Status PutUsage(const job::Usage& usage) = 0;
  virtual absl::StatusOr<job::Usage> ReadUsage() = 0;
};

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_JOB_STORE_H_
