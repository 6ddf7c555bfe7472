// SPDX-License-Identifier: Apache-2.0
// Jobs, epochs and checkpoints as rows of the state file. No transactions and no rules here.
#ifndef HEBB_SERVER_STORE_JOB_ROWS_H_
#define HEBB_SERVER_STORE_JOB_ROWS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/job/job.h"
#include "server/store/sqlite.h"

namespace hebb::store {

// Which jobs: an SQL condition on the table job with at most one parameter.
struct JobFilter {
  absl::string_view condition;  // "id = ?"
  std::optional<absl::string_view> text = std::nullopt;
  std::optional<absl::Time> time = std::nullopt;
};

// Several texts as one column and back, a C-escaped line each. DATA_LOSS.
std::string LinesToText(const std::vector<std::string>& lines);
absl::StatusOr<std::vector<std::string>> TextToLines(absl::string_view text);

// With attempts and members; newest first.
absl::StatusOr<std::vector<job::Job>> ReadJobs(Database& database, const JobFilter& filter);

absl::Status InsertJob(Database& database, const job::Job& job);
absl::Status UpdateJob(Database& database, const job::Job& job);

absl::Status WriteEpoch(Database& database, absl::string_view id, const job::EpochRecord& record);
absl::StatusOr<std::vector<job::EpochRecord>> ReadEpochs(Database& database, absl::string_view id);

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_JOB_ROWS_H_
