// SPDX-License-Identifier: Apache-2.0
// What happened to a job, as rows of the state file: its epochs and events. No transactions here.
#ifndef HEBB_SERVER_STORE_EPOCH_ROWS_H_
#define HEBB_SERVER_STORE_EPOCH_ROWS_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/job/job.h"
#include "server/store/sqlite.h"

namespace hebb::store {

// Five columns.
void BindMetrics(Statement& row, const job::Metrics& metrics);
job::Metrics TakeMetrics(Statement& row);

absl::Status WriteEpoch(Database& database, absl::string_view id, const job::EpochRecord& record);
absl::StatusOr<std::vector<job::EpochRecord>> ReadEpochs(Database& database, absl::string_view id);

absl::Status InsertEvent(Database& database, absl::string_view id, const job::Event& event);
// Oldest first.
absl::StatusOr<std::vector<job::Event>> ReadEvents(Database& database, absl::string_view id);

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_EPOCH_ROWS_H_
