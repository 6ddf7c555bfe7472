// SPDX-License-Identifier: Apache-2.0
#include "server/store/job_rows.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/status_macros.h"
#include "server/store/epoch_rows.h"
#include "server/store/failure_rows.h"
#include "server/store/job_rules.h"

namespace hebb::store {
namespace {

// The order in which BindJob binds and TakeJob takes.
constexpr absl::string_view kJobColumns =
    "id, name, request_id, state, reason, spec_digest, priority, workers, "
    "min_workers, device, created_ns, ended_ns, epoch, step, total_steps, images_per_second, "
    "weights_digest, train_loss, train_accuracy, validation_accuracy, test_accuracy, test_loss, "
    "sweep, point, user, archived_ns, epochs, dataset, rule, init_sha256, files_removed_ns, "
    "listed_ns, max_runtime, gpu_memory";
constexpr absl::string_view kJobMarks =
    "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?";

void BindTextOrNull(Statement& row, const std::string& text) {
  if (text.empty()) {
    row.BindNull();
  } else {
    row.Bind(text);
  }
}

// A key and a value a line each, C-escaped.
std::string PointToText(const job::Job& job) {
  std::vector<std::string> lines;
  for (const auto& [key, value] : job.point) {
    lines.push_back(key);
    lines.push_back(value);
  }
  return LinesToText(lines);
}

absl::Status TakePoint(Statement& row, job::Job& job) {
  HEBB_ASSIGN_OR_RETURN(const std::vector<std::string> lines, TextToLines(row.TakeText()));
  for (size_t i = 0; i + 1 < lines.size(); i += 2) job.point.emplace_back(lines[i], lines[i + 1]);
  return absl::OkStatus();
}

void BindJob(Statement& row, const job::Job& job) {
  row.Bind(job.id).Bind(job.name);
  BindTextOrNull(row, job.request_id);  // any number of jobs may have none
  row.Bind(job::StateName(job.state)).Bind(job.reason).Bind(job.spec_digest);
  row.Bind(job.priority).Bind(job.workers).Bind(job.min_workers).Bind(job.device);
  row.Bind(job.created).Bind(job.ended).Bind(job.epoch).Bind(job.step).Bind(job.total_steps);
  row.Bind(job.images_per_second).Bind(job.weights_digest);
  BindMetrics(row, job.metrics);
  BindTextOrNull(row, job.sweep);
  row.Bind(PointToText(job)).Bind(job.user).Bind(job.archived);
  row.Bind(job.epochs).Bind(job.dataset).Bind(job.rule).Bind(job.init_sha256);
  row.Bind(job.files_removed).Bind(job.listed).Bind(job.max_runtime);
  row.Bind(job.gpu_memory);
}

absl::StatusOr<job::Job> TakeJob(Statement& row) {
  job::Job job;
  job.id = row.TakeText();
  job.name = row.TakeText();
  job.request_id = row.TakeText();
  const std::string state = row.TakeText();
  job.reason = row.TakeText();
  job.spec_digest = row.TakeText();
  job.priority = row.TakeInt();
  job.workers = row.TakeInt();
  job.min_workers = row.TakeInt();
  job.device = row.TakeText();
  job.created = row.TakeTime(absl::InfinitePast());
  job.ended = row.TakeTime(absl::InfiniteFuture());
  job.epoch = row.TakeInt();
  job.step = row.TakeInt();
  job.total_steps = row.TakeInt();
  job.images_per_second = row.TakeReal();
  job.weights_digest = row.TakeText();
  job.metrics = TakeMetrics(row);
  job.sweep = row.TakeText();
  HEBB_RETURN_IF_ERROR(TakePoint(row, job));
  job.user = row.TakeText();
  job.archived = row.TakeTime(absl::InfiniteFuture());
  job.epochs = row.TakeInt();
  job.dataset = row.TakeText();
  job.rule = row.TakeText();
  job.init_sha256 = row.TakeText();
  job.files_removed = row.TakeTime(absl::InfiniteFuture());
  job.listed = row.TakeTime(absl::InfinitePast());
  job.max_runtime = row.TakeReal();
  job.gpu_memory = row.TakeInt();
  const std::optional<job::State> known = job::StateFromName(state);
  if (!known.has_value()) {
    return absl::DataLossError(absl::StrCat("job ", job.id, ": unknown state '", state, "'"));
  }
  job.state = *known;
  return job;
}

using JobsById = std::map<std::string, job::Job*, std::less<>>;

absl::StatusOr<Statement> Select(Database& database, absl::string_view sql,
                                 const JobFilter& filter) {
  HEBB_ASSIGN_OR_RETURN(Statement rows, database.Prepare(sql));
  if (filter.text.has_value()) rows.Bind(*filter.text);
  if (filter.time.has_value()) rows.Bind(*filter.time);
  if (filter.number.has_value()) rows.Bind(*filter.number);
  return rows;
}

absl::Status ReadAttempts(Database& database, const JobFilter& filter, const JobsById& jobs) {
  HEBB_ASSIGN_OR_RETURN(
      Statement row,
      Select(database,
             absl::StrCat("SELECT job, number, generation, outcome, reason, start_step, started_ns,"
                          " ended_ns FROM attempt WHERE job IN (SELECT id FROM job WHERE ",
                          filter.condition, ") ORDER BY job, number"),
             filter));
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return absl::OkStatus();
    job::Job& job = *jobs.at(row.TakeText());
    job::Attempt& attempt = job.attempts.emplace_back();
    attempt.number = static_cast<int>(row.TakeInt());
    attempt.generation = static_cast<int>(row.TakeInt());
    attempt.outcome = row.TakeText();
    attempt.reason = row.TakeText();
    attempt.start_step = row.TakeInt();
    attempt.started = row.TakeTime(absl::InfinitePast());
    attempt.ended = row.TakeTime(absl::InfiniteFuture());
  }
}

absl::Status ReadMembers(Database& database, const JobFilter& filter, const JobsById& jobs) {
  HEBB_ASSIGN_OR_RETURN(
      Statement row,
      Select(database,
             absl::StrCat("SELECT job, rank, worker, host, device FROM member WHERE job IN "
                          "(SELECT id FROM job WHERE ",
                          filter.condition, ") ORDER BY job, position"),
             filter));
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return absl::OkStatus();
    job::Member& member = jobs.at(row.TakeText())->members.emplace_back();
    member.rank = static_cast<int>(row.TakeInt());
    member.worker = row.TakeText();
    member.host = row.TakeText();
    member.device = row.TakeText();
  }
}

auto FieldsOf(const job::Attempt& a) {
  return std::tie(a.number, a.generation, a.outcome, a.reason, a.start_step, a.started, a.ended);
}
auto FieldsOf(const job::Member& m) { return std::tie(m.rank, m.worker, m.host, m.device); }

template <typename T>
bool AreSame(const std::vector<T>& a, const std::vector<T>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const T& x, const T& y) { return FieldsOf(x) == FieldsOf(y); });
}

absl::Status WriteAttempts(Database& database, const job::Job& job) {
  HEBB_ASSIGN_OR_RETURN(
      Statement row, database.Prepare("INSERT OR REPLACE INTO attempt VALUES (?,?,?,?,?,?,?,?)"));
  for (const job::Attempt& attempt : job.attempts) {
    row.Bind(job.id).Bind(int64_t{attempt.number}).Bind(int64_t{attempt.generation});
    row.Bind(attempt.outcome).Bind(attempt.reason).Bind(attempt.start_step);
    HEBB_RETURN_IF_ERROR(row.Bind(attempt.started).Bind(attempt.ended).Run());
    row.Reset();
  }
  return absl::OkStatus();
}

absl::Status DeleteAttemptsAfter(Database& database, absl::string_view id, size_t kept) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database.Prepare("DELETE FROM attempt WHERE job = ? AND number > ?"));
  return row.Bind(id).Bind(static_cast<int64_t>(kept)).Run();
}

absl::Status WriteMembers(Database& database, const job::Job& job) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database.Prepare("INSERT OR REPLACE INTO member VALUES (?,?,?,?,?,?)"));
  int64_t position = 0;
  for (const job::Member& member : job.members) {
    row.Bind(job.id).Bind(position++).Bind(int64_t{member.rank}).Bind(member.worker);
    HEBB_RETURN_IF_ERROR(row.Bind(member.host).Bind(member.device).Run());
    row.Reset();
  }
  return absl::OkStatus();
}

absl::Status DeleteMembersFrom(Database& database, absl::string_view id, size_t kept) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database.Prepare("DELETE FROM member WHERE job = ? AND position >= ?"));
  return row.Bind(id).Bind(static_cast<int64_t>(kept)).Run();
}

}  // namespace

std::string LinesToText(const std::vector<std::string>& lines) {
  return absl::StrJoin(lines, "\n", [](std::string* out, const std::string& line) {
    out->append(absl::Utf8SafeCEscape(line));
  });
}

absl::StatusOr<std::vector<std::string>> TextToLines(absl::string_view text) {
  std::vector<std::string> lines;
  if (text.empty()) return lines;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::CUnescape(line, &lines.emplace_back())) {
      return absl::DataLossError(absl::StrCat("the state file has a damaged text '", line, "'"));
    }
  }
  return lines;
}

absl::StatusOr<job::Job> ReadJob(Database& database, absl::string_view id) {
  return ReadWholeJob(database, {"id = ?", id}, id);
}

absl::StatusOr<job::Job> ReadWholeJob(Database& database, const JobFilter& filter,
                                      absl::string_view key) {
  HEBB_ASSIGN_OR_RETURN(std::vector<job::Job> jobs, ReadJobs(database, filter));
  if (jobs.empty()) return NoSuchJob(key);
  job::Job& job = jobs.front();
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database.Prepare("SELECT spec_json, yaml FROM job_text WHERE sequence = "
                                         "(SELECT sequence FROM job WHERE id = ?)"));
  HEBB_ASSIGN_OR_RETURN(const bool found, row.Bind(job.id).Step());
  if (!found) return absl::DataLossError(absl::StrCat("job ", job.id, " has lost its job file"));
  job.spec_json = row.TakeText();
  job.yaml = row.TakeText();
  if (job.state == job::State::kFailed) {
    HEBB_ASSIGN_OR_RETURN(job.failure, ReadFailure(database, job.id));
  }
  return std::move(job);
}

absl::StatusOr<bool> HasRow(Database& database, absl::string_view table, absl::string_view id) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database.Prepare(absl::StrCat("SELECT 1 FROM ", table, " WHERE id = ?")));
  return row.Bind(id).Step();
}

absl::Status RequireJob(Database& database, absl::string_view id) {
  HEBB_ASSIGN_OR_RETURN(const bool found, HasRow(database, "job", id));
  return found ? absl::OkStatus() : NoSuchJob(id);
}

absl::Status RequireQueueRoom(Database& database, absl::string_view user, int64_t added,
                              int64_t queued_max) {
  if (queued_max == JobStore::kAnyNumber) return absl::OkStatus();
  HEBB_ASSIGN_OR_RETURN(
      Statement row,
      database.Prepare("SELECT count(*) FROM job WHERE user = ? AND state = 'QUEUED'"));
  HEBB_RETURN_IF_ERROR(row.Bind(user).Step().status());
  return CheckQueueRoom(user, row.TakeInt(), added, queued_max);
}

absl::StatusOr<std::vector<KeyMatch>> ReadMatches(Database& database, absl::string_view table,
                                                  absl::string_view key) {
  // A range of ids, not a function of each, so that the index finds the prefix.
  HEBB_ASSIGN_OR_RETURN(
      Statement row, database.Prepare(absl::StrCat("SELECT id, name FROM ", table,
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

absl::StatusOr<std::vector<job::Job>> ReadJobs(Database& database, const JobFilter& filter) {
  HEBB_ASSIGN_OR_RETURN(
      Statement row,
      Select(database,
             absl::StrCat("SELECT ", kJobColumns, " FROM job WHERE ", filter.condition,
                          " ORDER BY created_ns DESC, sequence DESC"),
             filter));
  std::vector<job::Job> jobs;
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) break;
    HEBB_ASSIGN_OR_RETURN(job::Job job, TakeJob(row));
    jobs.push_back(std::move(job));
  }
  if (jobs.empty()) return jobs;
  JobsById by_id;
  for (job::Job& job : jobs) by_id[job.id] = &job;
  HEBB_RETURN_IF_ERROR(ReadAttempts(database, filter, by_id));
  HEBB_RETURN_IF_ERROR(ReadMembers(database, filter, by_id));
  return jobs;
}

absl::Status InsertJob(Database& database, const job::Job& job) {
  HEBB_ASSIGN_OR_RETURN(
      Statement row, database.Prepare(absl::StrCat("INSERT INTO job (", kJobColumns, ") VALUES (",
                                                   kJobMarks, ")")));
  BindJob(row, job);
  HEBB_RETURN_IF_ERROR(row.Run());
  HEBB_ASSIGN_OR_RETURN(Statement text, database.Prepare("INSERT INTO job_text VALUES "
                                                         "(last_insert_rowid(), ?, ?)"));
  HEBB_RETURN_IF_ERROR(text.Bind(job.spec_json).Bind(job.yaml).Run());
  if (job.failure) HEBB_RETURN_IF_ERROR(WriteFailure(database, job.id, *job.failure));
  HEBB_RETURN_IF_ERROR(WriteAttempts(database, job));
  return WriteMembers(database, job);
}

namespace {

absl::Status UpdateText(Database& database, const job::Job& job) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database.Prepare("UPDATE job_text SET (spec_json, yaml) = (?,?) WHERE "
                                         "sequence = (SELECT sequence FROM job WHERE id = ?)"));
  return row.Bind(job.spec_json).Bind(job.yaml).Bind(job.id).Run();
}

}  // namespace

absl::Status UpdateJob(Database& database, const job::Job& before, const job::Job& after) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database.Prepare(absl::StrCat("UPDATE job SET (", kJobColumns, ") = (",
                                                      kJobMarks, ") WHERE id = ?")));
  BindJob(row, after);
  HEBB_RETURN_IF_ERROR(row.Bind(after.id).Run());
  if (before.spec_json != after.spec_json || before.yaml != after.yaml) {
    HEBB_RETURN_IF_ERROR(UpdateText(database, after));
  }
  if (after.failure && before.failure != after.failure) {
    HEBB_RETURN_IF_ERROR(WriteFailure(database, after.id, *after.failure));
  }
  // Most changes are of a number or a reason, and an attempt's row is as dear as the job's.
  if (!AreSame(before.attempts, after.attempts)) {
    HEBB_RETURN_IF_ERROR(WriteAttempts(database, after));
    HEBB_RETURN_IF_ERROR(DeleteAttemptsAfter(database, after.id, after.attempts.size()));
  }
  if (AreSame(before.members, after.members)) return absl::OkStatus();
  HEBB_RETURN_IF_ERROR(WriteMembers(database, after));
  return DeleteMembersFrom(database, after.id, after.members.size());
}

}  // namespace hebb::store
