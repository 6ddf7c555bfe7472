// SPDX-License-Identifier: Apache-2.0
// Checkpoints as rows of the state file. No transactions here.
#ifndef HEBB_SERVER_STORE_CHECKPOINT_ROWS_H_
#define HEBB_SERVER_STORE_CHECKPOINT_ROWS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/job/job.h"
#include "server/store/sqlite.h"

namespace hebb::store {

// What JobStore::PutCheckpoint says, of a job that exists.
absl::StatusOr<std::vector<job::FileRef>> WriteCheckpoint(Database& database, absl::string_view id,
                                                          const job::FileRef& file, int64_t keep);
// Oldest first.
absl::StatusOr<std::vector<job::FileRef>> ReadCheckpoints(Database& database, absl::string_view id);
// What JobStore::DropCheckpoints says, of a job whose files may go.
absl::StatusOr<std::vector<job::FileRef>> DeleteCheckpoints(Database& database,
                                                            absl::string_view id);
// Whether a checkpoint of any job is this file.
absl::StatusOr<bool> IsReferenced(Database& database, absl::string_view sha256);

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_CHECKPOINT_ROWS_H_
