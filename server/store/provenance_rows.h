// SPDX-License-Identifier: Apache-2.0
// What results came from, and what users have used, as rows of the state file. No transactions
// here.
#ifndef HEBB_SERVER_STORE_PROVENANCE_ROWS_H_
#define HEBB_SERVER_STORE_PROVENANCE_ROWS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/job/job.h"
#include "server/store/sqlite.h"

namespace hebb::store {

// Replaces what was known of the job.
absl::Status WriteProvenance(Database& database, absl::string_view id,
                             const job::Provenance& provenance);
absl::StatusOr<job::Provenance> ReadProvenance(Database& database, absl::string_view id);

// Replaces what was known of all users.
absl::Status WriteUsage(Database& database, const job::Usage& usage);
absl::StatusOr<job::Usage> ReadUsage(Database& database);

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_PROVENANCE_ROWS_H_
