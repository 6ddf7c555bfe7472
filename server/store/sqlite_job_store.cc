// SPDX-License-Identifier: Apache-2.0
#include "server/store/sqlite_job_store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status_macros.h"
#include "server/store/job_rows.h"
#include "server/store/schema.h"

namespace hebb::store {
namespace {

// Named one by one: the index on the state answers IN, not NOT IN.
constexpr absl::string_view kLiving =
    "state IN ('QUEUED', 'STARTING', 'RUNNING', 'PAUSING', 'PAUSED', 'CANCELLING')";

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteJobStore>> SqliteJobStore::Open(const std::string& path,
                                                                     absl::Duration busy_timeout) {
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<Database> database, Database::Open(path, busy_timeout));
  HEBB_RETURN_IF_ERROR(Migrate(*database, path, absl::Now()));
  return std::unique_ptr<SqliteJobStore>(new SqliteJobStore(std::move(database)));
}

absl::StatusOr<job::Job> SqliteJobStore::Find(absl::string_view id) {
  HEBB_ASSIGN_OR_RETURN(std::vector<job::Job> jobs, ReadJobs(*database_, {"id = ?", id}));
  if (jobs.empty()) return NoSuchJob(id);
  return std::move(jobs.front());
}

absl::Status SqliteJobStore::RequireJob(absl::string_view id) {
  HEBB_ASSIGN_OR_RETURN(Statement row, database_->Prepare("SELECT 1 FROM job WHERE id = ?"));
  HEBB_ASSIGN_OR_RETURN(const bool found, row.Bind(id).Step());
  return found ? absl::OkStatus() : NoSuchJob(id);
}

absl::StatusOr<job::Job> SqliteJobStore::Create(const job::Job& job) {
  HEBB_RETURN_IF_ERROR(CheckNewJob(job));
  absl::MutexLock lock(&mutex_);
  HEBB_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*database_));
  if (!job.request_id.empty()) {
    HEBB_ASSIGN_OR_RETURN(std::vector<job::Job> first,
                          ReadJobs(*database_, {"request_id = ?", job.request_id}));
    if (!first.empty()) return std::move(first.front());
  }
  if (RequireJob(job.id).ok()) {
    return absl::AlreadyExistsError(absl::StrCat("there is a job ", job.id));
  }
  HEBB_RETURN_IF_ERROR(InsertJob(*database_, job));
  HEBB_ASSIGN_OR_RETURN(job::Job written, Find(job.id));
  HEBB_RETURN_IF_ERROR(transaction.Commit());
  return written;
}

absl::StatusOr<job::Job> SqliteJobStore::Get(absl::string_view key) {
  absl::MutexLock lock(&mutex_);
  absl::StatusOr<job::Job> exact = Find(key);
  if (exact.ok() || !absl::IsNotFound(exact.status())) return exact;
  HEBB_ASSIGN_OR_RETURN(const std::vector<KeyMatch> matches, Matches("job", key));
  HEBB_ASSIGN_OR_RETURN(const std::string id, PickJob(key, matches));
  return Find(id);
}

absl::StatusOr<std::vector<KeyMatch>> SqliteJobStore::Matches(absl::string_view table,
                                                              absl::string_view key) {
  // A range of ids, not a function of each, so that the index finds the prefix.
  HEBB_ASSIGN_OR_RETURN(Statement row, database_->Prepare(absl::StrCat(
                                           "SELECT id, name FROM ", table,
                                           " WHERE (id >= ?1 AND id < ?1 || char(1114111)) "
                                           "OR name = ?1 ORDER BY id")));
  row.Bind(key);
  std::vector<KeyMatch> matches;
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return matches;
    KeyMatch& match = matches.emplace_back();
    match.id = row.TakeText();
    match.name = row.TakeText();
  }
}

absl::StatusOr<std::vector<job::Job>> SqliteJobStore::List(bool ended) {
  absl::MutexLock lock(&mutex_);
  return ReadJobs(*database_, {ended ? "TRUE" : kLiving});
}

absl::StatusOr<JobStore::Overview> SqliteJobStore::ReadOverview(absl::Time ended_after) {
  absl::MutexLock lock(&mutex_);
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database_->Prepare("SELECT state, count(*) FROM job GROUP BY state"));
  Overview overview;
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) break;
    const auto state = job::StateFromName(row.TakeText());
    if (state.has_value()) overview.count[*state] = row.TakeInt();
  }
  const std::string recent =
      absl::StrCat(kLiving, " OR coalesce(ended_ns, 9223372036854775807) > ?");
  HEBB_ASSIGN_OR_RETURN(
      overview.recent,
      ReadJobs(*database_, {recent, std::nullopt, std::max(ended_after, absl::UnixEpoch())}));
  return overview;
}

absl::StatusOr<job::Job> SqliteJobStore::Update(absl::string_view id, const Change& change) {
  absl::MutexLock lock(&mutex_);
  HEBB_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*database_));
  HEBB_ASSIGN_OR_RETURN(job::Job after, Apply(id, change));
  HEBB_RETURN_IF_ERROR(transaction.Commit());
  return after;
}

absl::StatusOr<job::Job> SqliteJobStore::Apply(absl::string_view id, const Change& change) {
  HEBB_ASSIGN_OR_RETURN(const job::Job before, Find(id));
  job::Job after = before;
  HEBB_RETURN_IF_ERROR(change(after));
  HEBB_RETURN_IF_ERROR(CheckChange(before, after));
  HEBB_RETURN_IF_ERROR(UpdateJob(*database_, after));
  return after;
}

absl::StatusOr<std::vector<job::Job>> SqliteJobStore::UpdateAll(const std::vector<std::string>& ids,
                                                                const Change& change) {
  absl::MutexLock lock(&mutex_);
  HEBB_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*database_));
  std::vector<job::Job> written;
  for (const std::string& id : ids) {
    HEBB_ASSIGN_OR_RETURN(job::Job job, Apply(id, change));
    written.push_back(std::move(job));
  }
  HEBB_RETURN_IF_ERROR(transaction.Commit());
  return written;
}

absl::Status SqliteJobStore::PutEpoch(absl::string_view id, const job::EpochRecord& record) {
  absl::MutexLock lock(&mutex_);
  HEBB_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*database_));
  HEBB_RETURN_IF_ERROR(RequireJob(id));
  HEBB_RETURN_IF_ERROR(WriteEpoch(*database_, id, record));
  return transaction.Commit();
}

absl::StatusOr<std::vector<job::EpochRecord>> SqliteJobStore::Epochs(absl::string_view id) {
  absl::MutexLock lock(&mutex_);
  HEBB_RETURN_IF_ERROR(RequireJob(id));
  return ReadEpochs(*database_, id);
}

absl::Status SqliteJobStore::AppendEvent(absl::string_view id, const job::Event& event) {
  absl::MutexLock lock(&mutex_);
  HEBB_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*database_));
  HEBB_RETURN_IF_ERROR(RequireJob(id));
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database_->Prepare("INSERT INTO event (job, time_ns, text, actor, kind) "
                                           "VALUES (?,?,?,?,?)"));
  row.Bind(id).Bind(event.time).Bind(event.text).Bind(event.actor).Bind(event.kind);
  HEBB_RETURN_IF_ERROR(row.Run());
  return transaction.Commit();
}

absl::StatusOr<std::vector<job::Event>> SqliteJobStore::Events(absl::string_view id) {
  absl::MutexLock lock(&mutex_);
  HEBB_RETURN_IF_ERROR(RequireJob(id));
  HEBB_ASSIGN_OR_RETURN(
      Statement row,
      database_->Prepare("SELECT time_ns, text, actor, kind FROM event WHERE job = ? "
                         "ORDER BY sequence"));
  row.Bind(id);
  std::vector<job::Event> events;
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return events;
    job::Event& event = events.emplace_back();
    event.time = row.TakeTime(absl::InfinitePast());
    event.text = row.TakeText();
    event.actor = row.TakeText();
    event.kind = row.TakeText();
  }
}

absl::StatusOr<std::vector<job::FileRef>> SqliteJobStore::ReadCheckpoints(absl::string_view id) {
  HEBB_ASSIGN_OR_RETURN(
      Statement row,
      database_->Prepare("SELECT sha256, bytes, step, weights_digest, stored_ns FROM checkpoint "
                         "WHERE job = ? ORDER BY sequence"));
  row.Bind(id);
  std::vector<job::FileRef> files;
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return files;
    job::FileRef& file = files.emplace_back();
    file.sha256 = row.TakeText();
    file.bytes = row.TakeInt();
    file.step = row.TakeInt();
    file.weights_digest = row.TakeText();
    file.stored = row.TakeTime(absl::InfinitePast());
  }
}

absl::Status SqliteJobStore::DeleteCheckpoint(absl::string_view id, int64_t step) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database_->Prepare("DELETE FROM checkpoint WHERE job = ? AND step = ?"));
  return row.Bind(id).Bind(step).Run();
}

absl::StatusOr<bool> SqliteJobStore::IsReferenced(absl::string_view sha256) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database_->Prepare("SELECT 1 FROM checkpoint WHERE sha256 = ? LIMIT 1"));
  return row.Bind(sha256).Step();
}

absl::StatusOr<std::vector<job::FileRef>> SqliteJobStore::PutCheckpoint(absl::string_view id,
                                                                        const job::FileRef& file,
                                                                        int64_t keep) {
  HEBB_RETURN_IF_ERROR(CheckKeep(keep));
  absl::MutexLock lock(&mutex_);
  HEBB_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*database_));
  HEBB_RETURN_IF_ERROR(RequireJob(id));
  HEBB_ASSIGN_OR_RETURN(const std::vector<job::FileRef> before, ReadCheckpoints(id));
  const CheckpointPlan plan = PlanCheckpoint(before, file, keep);
  for (const job::FileRef& old : plan.remove) HEBB_RETURN_IF_ERROR(DeleteCheckpoint(id, old.step));
  if (plan.add) {
    HEBB_ASSIGN_OR_RETURN(
        Statement row,
        database_->Prepare(
            "INSERT INTO checkpoint (job, step, sha256, bytes, weights_digest, stored_ns) "
            "VALUES (?,?,?,?,?,?)"));
    row.Bind(id)
        .Bind(file.step)
        .Bind(file.sha256)
        .Bind(file.bytes)
        .Bind(file.weights_digest)
        .Bind(file.stored);
    HEBB_RETURN_IF_ERROR(row.Run());
  }
  std::vector<job::FileRef> unreferenced;
  for (const job::FileRef& old : plan.remove) {
    HEBB_ASSIGN_OR_RETURN(const bool referenced, IsReferenced(old.sha256));
    if (!referenced) unreferenced.push_back(old);
  }
  HEBB_RETURN_IF_ERROR(transaction.Commit());
  return unreferenced;
}

absl::StatusOr<std::vector<job::FileRef>> SqliteJobStore::Checkpoints(absl::string_view id) {
  absl::MutexLock lock(&mutex_);
  HEBB_RETURN_IF_ERROR(RequireJob(id));
  return ReadCheckpoints(id);
}

absl::StatusOr<bool> SqliteJobStore::IsCheckpoint(absl::string_view sha256) {
  absl::MutexLock lock(&mutex_);
  return IsReferenced(sha256);
}

}  // namespace hebb::store
