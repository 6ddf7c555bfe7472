// SPDX-License-Identifier: Apache-2.0
// What every JobStore must decide alike, as pure functions: which job a key means, whether a
// change of a job may be written, which checkpoints stay.
#ifndef HEBB_SERVER_STORE_JOB_RULES_H_
#define HEBB_SERVER_STORE_JOB_RULES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/job/job.h"
#include "server/store/job_store.h"

namespace hebb::store {

struct KeyMatch {
  std::string id;
  std::string name;
};

// `matches`: the jobs whose id starts with `key` or whose name is `key`. An exact id wins; else
// there must be one. NOT_FOUND, INVALID_ARGUMENT (names the first few).
absl::StatusOr<std::string> PickJob(absl::string_view key, const std::vector<KeyMatch>& matches);
// The same of sweeps.
absl::StatusOr<std::string> PickSweep(absl::string_view key, const std::vector<KeyMatch>& matches);

// INVALID_ARGUMENT for a job without an id.
absl::Status CheckNewJob(const job::Job& job);

// FAILED_PRECONDITION: not a step of the transition table. INTERNAL: what identifies a job (id,
// request_id, created, sweep, point) was changed, or its attempts are not numbered 1, 2, ...
absl::Status CheckChange(const job::Job& before, const job::Job& after);

absl::Status NoSuchJob(absl::string_view key);
absl::Status NoSuchSweep(absl::string_view key);

// INVALID_ARGUMENT unless the sweep and its jobs have ids, and the jobs name the sweep and have no
// request_id of their own.
absl::Status CheckNewSweep(const job::Sweep& sweep, const std::vector<job::Job>& jobs);

// RESOURCE_EXHAUSTED if with `added` jobs beside the `queued` ones more than `queued_max` of the
// user's would wait.
absl::Status CheckQueueRoom(absl::string_view user, int64_t queued, int64_t added,
                            int64_t queued_max);

// INVALID_ARGUMENT unless the size is >= 1.
absl::Status CheckPage(const JobStore::Page& page);

// INVALID_ARGUMENT unless `keep` >= 1.
absl::Status CheckKeep(int64_t keep);

// FAILED_PRECONDITION unless the job has ended and is archived: then its files may go.
absl::Status CheckCanDropFiles(const job::Job& job);

// AddProvenance: `known` and what is `told`.
job::Provenance Merged(job::Provenance known, const job::Provenance& told);

// What JobStore::PutCheckpoint does to the checkpoints of a job (oldest first): `remove` first,
// then, if `add`, the new one comes last.
struct CheckpointPlan {
  bool add = true;
  std::vector<job::FileRef> remove;
};
CheckpointPlan PlanCheckpoint(const std::vector<job::FileRef>& kept, const job::FileRef& file,
                              int64_t keep);

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_JOB_RULES_H_
