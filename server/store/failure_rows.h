// SPDX-License-Identifier: Apache-2.0
// Why jobs failed, as rows of the state file. No transactions here.
#ifndef HEBB_SERVER_STORE_FAILURE_ROWS_H_
#define HEBB_SERVER_STORE_FAILURE_ROWS_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/job/job.h"
#include "server/store/sqlite.h"

namespace hebb::store {

// Replaces what is there.
absl::Status WriteFailure(Database& database, absl::string_view id, const job::Failure& failure);
absl::StatusOr<std::optional<job::Failure>> ReadFailure(Database& database, absl::string_view id);

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_FAILURE_ROWS_H_
