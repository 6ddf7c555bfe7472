// SPDX-License-Identifier: Apache-2.0
// A job's checkpoints: the records of the store and the files of the blob store kept in step.
#ifndef HEBB_SERVER_CONTROL_CHECKPOINTS_H_
#define HEBB_SERVER_CONTROL_CHECKPOINTS_H_

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/job/job.h"
#include "server/store/blob_store.h"
#include "server/store/job_store.h"

namespace hebb::control {

struct StoredCheckpoint {
  job::FileRef file;
  std::string path;  // checked against its name just now
};

// Thread-safe; borrows both stores.
class Checkpoints {
 public:
  Checkpoints(store::JobStore& jobs, store::BlobStore& blobs) : jobs_(jobs), blobs_(blobs) {}

  // The newest whose content is intact; a damaged one is named in the job's events (once) and
  // passed over. NOT_FOUND: there is none yet; DATA_LOSS: all are damaged, named.
  absl::StatusOr<StoredCheckpoint> NewestIntact(absl::string_view job);

  // Records a file that is in the blob store, and removes the files beyond the newest `keep` that
  // nothing needs any more.
  absl::Status Put(absl::string_view job, const job::FileRef& file, int64_t keep);

  // Forgets the checkpoints of an archived job and removes those files that nothing needs any more.
  // Returns how many checkpoints it had. FAILED_PRECONDITION when it is not archived (any more).
  absl::StatusOr<int64_t> Drop(absl::string_view job);

  // Removes the files stored before `time` that are no job's checkpoint and that no job that has
  // not ended starts from: a crash between the storing of a file and its record leaves them.
  // Returns how many. REQUIRES: nothing is stored or submitted meanwhile.
  absl::StatusOr<int64_t> RemoveOrphans(absl::Time time);

 private:
  void NameDamaged(absl::string_view job, const job::FileRef& file, const absl::Status& why);
  // Of those that no checkpoint names any more.
  absl::Status RemoveUnneeded(absl::string_view job, const std::vector<job::FileRef>& files);

  store::JobStore& jobs_;
  store::BlobStore& blobs_;
  absl::Mutex mutex_;
  std::set<std::string> named_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hebb::control

#endif  // HEBB_SERVER_CONTROL_CHECKPOINTS_H_
