// SPDX-License-Identifier: Apache-2.0
// Old jobs go to the archive, and the files of archived ones go for good. Records stay for ever.
#ifndef HEBB_SERVER_CONTROL_RETENTION_H_
#define HEBB_SERVER_CONTROL_RETENTION_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/control/checkpoints.h"
#include "server/control/rounds.h"
#include "server/store/job_store.h"
#include "server/store/log_store.h"

namespace hebb::control {

struct RetentionOptions {
  absl::Duration archive_after = absl::InfiniteDuration();  // from a job's end
  absl::Duration remove_files_after = absl::Hours(7 * 24);  // from its archiving
  absl::Duration every = absl::Minutes(1);                  // how often it looks
};

// Borrows what it is given. Start and Stop from one thread.
class Retention {
 public:
  Retention(const RetentionOptions& options, store::JobStore& jobs, Checkpoints& checkpoints,
            store::LogStore& logs)
      : options_(options), jobs_(jobs), checkpoints_(checkpoints), logs_(logs) {}

  void Start() { rounds_.Start(); }
  void Stop() { rounds_.Stop(); }  // after the job at hand; idempotent

  // What a pass does as of `now` (wall clock): archives, then removes files, a job at a time. What
  // a crash interrupts, the next pass does again. A job whose files cannot be removed does not hold
  // up the others; its error is returned.
  absl::Status Sweep(absl::Time now);

 private:
  absl::Status Archive(const std::string& id, absl::Time now);
  absl::Status RemoveFiles(const std::string& id, absl::Time now);
  absl::Time Round();

  const RetentionOptions options_;
  store::JobStore& jobs_;
  Checkpoints& checkpoints_;
  store::LogStore& logs_;
  Rounds rounds_{absl::ZeroDuration(), [this] { return Round(); }};  // last: it uses the others
};

}  // namespace hebb::control

#endif  // HEBB_SERVER_CONTROL_RETENTION_H_
