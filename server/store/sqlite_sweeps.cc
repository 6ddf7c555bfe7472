// SPDX-License-Identifier: Apache-2.0
// The sweeps of SqliteJobStore.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/store/job_rows.h"
#include "server/store/job_rules.h"
#include "server/store/sqlite_job_store.h"

namespace hebb::store {
namespace {

constexpr absl::string_view kColumns = "id, name, request_id, file_name, yaml, sets, created_ns";

absl::StatusOr<job::Sweep> TakeSweep(Statement& row) {
  job::Sweep sweep;
  sweep.id = row.TakeText();
  sweep.name = row.TakeText();
  sweep.request_id = row.TakeText();
  sweep.file_name = row.TakeText();
  sweep.yaml = row.TakeText();
  HEBB_ASSIGN_OR_RETURN(sweep.sets, TextToLines(row.TakeText()));
  sweep.created = row.TakeTime(absl::InfinitePast());
  return sweep;
}

// Newest first. `condition` has one parameter, or none with `value` empty.
absl::StatusOr<std::vector<job::Sweep>> ReadSweeps(Database& database, absl::string_view condition,
                                                   absl::string_view value) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database.Prepare(absl::StrCat("SELECT ", kColumns, " FROM sweep WHERE ",
                                                      condition, " ORDER BY sequence DESC")));
  if (!value.empty()) row.Bind(value);
  std::vector<job::Sweep> sweeps;
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return sweeps;
    HEBB_ASSIGN_OR_RETURN(job::Sweep sweep, TakeSweep(row));
    sweeps.push_back(std::move(sweep));
  }
}

absl::Status InsertSweep(Database& database, const job::Sweep& sweep) {
  HEBB_ASSIGN_OR_RETURN(
      Statement row,
      database.Prepare(absl::StrCat("INSERT INTO sweep (", kColumns, ") VALUES (?,?,?,?,?,?,?)")));
  row.Bind(sweep.id).Bind(sweep.name);
  if (sweep.request_id.empty()) {
    row.BindNull();
  } else {
    row.Bind(sweep.request_id);
  }
  row.Bind(sweep.file_name).Bind(sweep.yaml).Bind(LinesToText(sweep.sets)).Bind(sweep.created);
  return row.Run();
}

// The sweep that was stored first for the request, or `sweep` once it and its jobs are stored.
absl::StatusOr<job::Sweep> StoreOnce(Database& database, const job::Sweep& sweep,
                                     const std::vector<job::Job>& jobs, int64_t queued_max) {
  if (!sweep.request_id.empty()) {
    HEBB_ASSIGN_OR_RETURN(std::vector<job::Sweep> first,
                          ReadSweeps(database, "request_id = ?", sweep.request_id));
    if (!first.empty()) return std::move(first.front());
  }
  HEBB_ASSIGN_OR_RETURN(const bool taken, HasRow(database, "sweep", sweep.id));
  if (taken) return absl::AlreadyExistsError(absl::StrCat("there is a sweep ", sweep.id));
  if (!jobs.empty()) {
    HEBB_RETURN_IF_ERROR(RequireQueueRoom(database, jobs.front().user,
                                          static_cast<int64_t>(jobs.size()), queued_max));
  }
  HEBB_RETURN_IF_ERROR(InsertSweep(database, sweep));
  for (const job::Job& job : jobs) {
    HEBB_ASSIGN_OR_RETURN(const bool job_taken, HasRow(database, "job", job.id));
    if (job_taken) return absl::AlreadyExistsError(absl::StrCat("there is a job ", job.id));
    HEBB_RETURN_IF_ERROR(InsertJob(database, job));
  }
  return sweep;
}

}  // namespace

absl::StatusOr<job::Sweep> SqliteJobStore::CreateSweep(const job::Sweep& sweep,
                                                       const std::vector<job::Job>& jobs,
                                                       int64_t queued_max) {
  HEBB_RETURN_IF_ERROR(CheckNewSweep(sweep, jobs));
  return Write([&](Database& database) { return StoreOnce(database, sweep, jobs, queued_max); });
}

absl::StatusOr<job::Sweep> SqliteJobStore::GetSweep(absl::string_view key) {
  HEBB_ASSIGN_OR_RETURN(ReadPool::Reader reader, readers_->Take());
  HEBB_ASSIGN_OR_RETURN(const std::vector<KeyMatch> matches, ReadMatches(*reader, "sweep", key));
  HEBB_ASSIGN_OR_RETURN(const std::string id, PickSweep(key, matches));
  HEBB_ASSIGN_OR_RETURN(std::vector<job::Sweep> sweeps, ReadSweeps(*reader, "id = ?", id));
  if (sweeps.empty()) return NoSuchSweep(id);
  return std::move(sweeps.front());
}

absl::StatusOr<std::vector<JobStore::SweepOverview>> SqliteJobStore::ListSweeps() {
  HEBB_ASSIGN_OR_RETURN(ReadPool::Reader reader, readers_->Take());
  HEBB_ASSIGN_OR_RETURN(std::vector<job::Sweep> sweeps, ReadSweeps(*reader, "TRUE", ""));
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        (*reader).Prepare("SELECT sweep, state, count(*) FROM job "
                                          "WHERE sweep IS NOT NULL GROUP BY sweep, state"));
  std::map<std::string, job::StateCounts> counts;
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) break;
    job::StateCounts& count = counts[row.TakeText()];
    const auto state = job::StateFromName(row.TakeText());
    if (state.has_value()) count[*state] = row.TakeInt();
  }
  std::vector<SweepOverview> all;
  for (job::Sweep& sweep : sweeps) {
    job::StateCounts count = counts[sweep.id];
    all.push_back({std::move(sweep), std::move(count)});
  }
  return all;
}

absl::StatusOr<std::vector<job::Job>> SqliteJobStore::SweepJobs(absl::string_view id) {
  HEBB_ASSIGN_OR_RETURN(ReadPool::Reader reader, readers_->Take());
  HEBB_ASSIGN_OR_RETURN(const bool found, HasRow(*reader, "sweep", id));
  if (!found) return NoSuchSweep(id);
  HEBB_ASSIGN_OR_RETURN(std::vector<job::Job> jobs, ReadJobs(*reader, {"sweep = ?", id}));
  std::reverse(jobs.begin(), jobs.end());
  return jobs;
}

}  // namespace hebb::store
