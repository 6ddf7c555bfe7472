// SPDX-License-Identifier: Apache-2.0
// Jobs as rows of the state file. No transactions here.
#ifndef HEBB_SERVER_STORE_JOB_ROWS_H_
#define HEBB_SERVER_STORE_JOB_ROWS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/job/job.h"
#include "server/store/job_rules.h"
#include "server/store/sqlite.h"

namespace hebb::store {

// Which jobs: an SQL condition on the table job with at most one parameter.
struct JobFilter {
  absl::string_view condition;  // "id = ?"
  std::optional<absl::string_view> text = std::nullopt;
  std::optional<absl::Time> time = std::nullopt;
  std::optional<int64_t> number = std::nullopt;
};

// Several texts as one column and back, a C-escaped line each. DATA_LOSS.
std::string LinesToText(const std::vector<std::string>& lines);
absl::StatusOr<std::vector<std::string>> TextToLines(absl::string_view text);

// Named one by one: the index on the state answers IN, not NOT IN.
constexpr absl::string_view kLiving =
    "state IN ('QUEUED', 'STARTING', 'RUNNING', 'PAUSING', 'PAUSED', 'CANCELLING')";

// With attempts and members, without spec_json and yaml; newest first.
absl::StatusOr<std::vector<job::Job>> ReadJobs(Database& database, const JobFilter& filter);

// NOT_FOUND; with everything.
absl::StatusOr<job::Job> ReadWholeJob(Database& database, const JobFilter& filter,
                                      absl::string_view key);
absl::StatusOr<job::Job> ReadJob(Database& database, absl::string_view id);
absl::Status RequireJob(Database& database, absl::string_view id);

// Of `table`, job or sweep.
absl::StatusOr<bool> HasRow(Database& database, absl::string_view table, absl::string_view id);
// What `key` may mean in it.
absl::StatusOr<std::vector<KeyMatch>> ReadMatches(Database& database, absl::string_view table,
                                                  absl::string_view key);

// As CheckQueueRoom, of the jobs in the file.
absl::Status RequireQueueRoom(Database& database, absl::string_view user, int64_t added,
                              int64_t queued_max);

absl::Status InsertJob(Database& database, const job::Job& job);
// `before`: what is in the file.
absl::Status UpdateJob(Database& database, const job::Job& before, const job::Job& after);

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_JOB_ROWS_H_
