// SPDX-License-Identifier: Apache-2.0
#include "server/store/sqlite_job_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status_macros.h"
#include "server/store/checkpoint_rows.h"
#include "server/store/digest_rows.h"
#include "server/store/epoch_rows.h"
#include "server/store/job_pages.h"
#include "server/store/job_rows.h"
#include "server/store/job_rules.h"
#include "server/store/provenance_rows.h"
#include "server/store/schema.h"

namespace hebb::store {
namespace {

// More readers than this wait for each other: they need a processor, not the disk.
constexpr int kReaders = 4;

absl::StatusOr<job::Job> Apply(Database& database, absl::string_view id,
                               const JobStore::Change& change) {
  HEBB_ASSIGN_OR_RETURN(const job::Job before, ReadJob(database, id));
  job::Job after = before;
  HEBB_RETURN_IF_ERROR(change(after));
  HEBB_RETURN_IF_ERROR(CheckChange(before, after));
  HEBB_RETURN_IF_ERROR(UpdateJob(database, before, after));
  for (const job::Event& event : after.news) {
    HEBB_RETURN_IF_ERROR(InsertEvent(database, id, event));
  }
  after.news.clear();
  return after;
}

// The job that was stored first for `job`'s request, or `job` once it is stored.
absl::StatusOr<job::Job> StoreOnce(Database& database, const job::Job& job, int64_t queued_max) {
  if (!job.request_id.empty()) {
    absl::StatusOr<job::Job> first =
        ReadWholeJob(database, {"request_id = ?", job.request_id}, job.request_id);
    if (!absl::IsNotFound(first.status())) return first;
  }
  HEBB_ASSIGN_OR_RETURN(const bool taken, HasRow(database, "job", job.id));
  if (taken) return absl::AlreadyExistsError(absl::StrCat("there is a job ", job.id));
  HEBB_RETURN_IF_ERROR(RequireQueueRoom(database, job.user, 1, queued_max));
  HEBB_RETURN_IF_ERROR(InsertJob(database, job));
  return job;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteJobStore>> SqliteJobStore::Open(const std::string& path,
                                                                     absl::Duration busy_timeout,
                                                                     const StoreTimer& timer) {
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<Database> writer, Database::Open(path, busy_timeout));
  // Before anything is written into it, and rather now than at the first read of the damaged page.
  HEBB_RETURN_IF_ERROR(CheckSound(*writer, path));
  HEBB_RETURN_IF_ERROR(Migrate(*writer, path, absl::Now()));
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<ReadPool> readers,
                        ReadPool::Open(path, busy_timeout, kReaders, timer));
  return std::unique_ptr<SqliteJobStore>(
      new SqliteJobStore(std::move(writer), std::move(readers), timer));
}

absl::StatusOr<job::Job> SqliteJobStore::Create(const job::Job& job, int64_t queued_max) {
  HEBB_RETURN_IF_ERROR(CheckNewJob(job));
  return Write([&](Database& database) { return StoreOnce(database, job, queued_max); });
}

absl::StatusOr<job::Job> SqliteJobStore::Get(absl::string_view key) {
  HEBB_ASSIGN_OR_RETURN(ReadPool::Reader reader, readers_->Take());
  absl::StatusOr<job::Job> exact = ReadJob(*reader, key);
  if (exact.ok() || !absl::IsNotFound(exact.status())) return exact;
  HEBB_ASSIGN_OR_RETURN(const std::vector<KeyMatch> matches, ReadMatches(*reader, "job", key));
  HEBB_ASSIGN_OR_RETURN(const std::string id, PickJob(key, matches));
  return ReadJob(*reader, id);
}

absl::StatusOr<std::vector<job::Job>> SqliteJobStore::List(bool ended) {
  HEBB_ASSIGN_OR_RETURN(ReadPool::Reader reader, readers_->Take());
  return ReadJobs(*reader, {ended ? "TRUE" : kLiving});
}

absl::StatusOr<JobStore::Listing> SqliteJobStore::List(const Filter& filter, const Page& page) {
  HEBB_ASSIGN_OR_RETURN(ReadPool::Reader reader, readers_->Take());
  HEBB_ASSIGN_OR_RETURN(Listing listing, ReadPage(*reader, filter, page));
  HEBB_ASSIGN_OR_RETURN(listing.counts, ReadCounts(*reader));
  return listing;
}

absl::StatusOr<JobStore::Overview> SqliteJobStore::ReadOverview(absl::Time ended_after) {
  HEBB_ASSIGN_OR_RETURN(ReadPool::Reader reader, readers_->Take());
  Overview overview;
  HEBB_ASSIGN_OR_RETURN(overview.count, ReadCounts(*reader));
  const std::string recent = RecentCondition();
  HEBB_ASSIGN_OR_RETURN(
      overview.recent,
      ReadJobs(*reader, {recent, std::nullopt, std::max(ended_after, absl::UnixEpoch())}));
  return overview;
}

absl::StatusOr<job::Job> SqliteJobStore::Update(absl::string_view id, const Change& change) {
  return Write([&](Database& database) { return Apply(database, id, change); });
}

absl::StatusOr<std::vector<job::Job>> SqliteJobStore::UpdateAll(const std::vector<std::string>& ids,
                                                                const Change& change) {
  return Write([&](Database& database) -> absl::StatusOr<std::vector<job::Job>> {
    std::vector<job::Job> written;
    for (const std::string& id : ids) {
      HEBB_ASSIGN_OR_RETURN(job::Job job, Apply(database, id, change));
      written.push_back(std::move(job));
    }
    return written;
  });
}

absl::Status SqliteJobStore::PutEpoch(absl::string_view id, const job::EpochRecord& record) {
  return writer_.Run([&](Database& database) -> absl::Status {
    HEBB_RETURN_IF_ERROR(RequireJob(database, id));
    return WriteEpoch(database, id, record);
  });
}

absl::StatusOr<std::vector<job::EpochRecord>> SqliteJobStore::Epochs(absl::string_view id) {
  HEBB_ASSIGN_OR_RETURN(ReadPool::Reader reader, readers_->Take());
  HEBB_RETURN_IF_ERROR(RequireJob(*reader, id));
  return ReadEpochs(*reader, id);
}

absl::Status SqliteJobStore::PutDigests(absl::string_view id,
                                        const std::vector<job::StepDigest>& digests, bool exact) {
  return writer_.Run([&](Database& database) -> absl::Status {
    HEBB_RETURN_IF_ERROR(RequireJob(database, id));
    return WriteDigests(database, id, digests, exact);
  });
}

absl::StatusOr<std::vector<job::StepDigest>> SqliteJobStore::Digests(absl::string_view id,
                                                                     int64_t after_step,
                                                                     int64_t limit) {
  HEBB_ASSIGN_OR_RETURN(ReadPool::Reader reader, readers_->Take());
  HEBB_RETURN_IF_ERROR(RequireJob(*reader, id));
  return ReadDigests(*reader, id, after_step, limit);
}

absl::Status SqliteJobStore::AddProvenance(absl::string_view id, const job::Provenance& told) {
  return writer_.Run([&](Database& database) -> absl::Status {
    HEBB_RETURN_IF_ERROR(RequireJob(database, id));
    HEBB_ASSIGN_OR_RETURN(job::Provenance known, store::ReadProvenance(database, id));
    return WriteProvenance(database, id, Merged(std::move(known), told));
  });
}

absl::StatusOr<job::Provenance> SqliteJobStore::ReadProvenance(absl::string_view id) {
  HEBB_ASSIGN_OR_RETURN(ReadPool::Reader reader, readers_->Take());
  HEBB_RETURN_IF_ERROR(RequireJob(*reader, id));
  return store::ReadProvenance(*reader, id);
}

absl::Status SqliteJobStore::AppendEvent(absl::string_view id, const job::Event& event) {
  return writer_.Run([&](Database& database) -> absl::Status {
    HEBB_RETURN_IF_ERROR(RequireJob(database, id));
    return InsertEvent(database, id, event);
  });
}

absl::StatusOr<std::vector<job::Event>> SqliteJobStore::Events(absl::string_view id) {
  HEBB_ASSIGN_OR_RETURN(ReadPool::Reader reader, readers_->Take());
  HEBB_RETURN_IF_ERROR(RequireJob(*reader, id));
  return ReadEvents(*reader, id);
}

absl::StatusOr<std::vector<job::FileRef>> SqliteJobStore::PutCheckpoint(absl::string_view id,
                                                                        const job::FileRef& file,
                                                                        int64_t keep) {
  HEBB_RETURN_IF_ERROR(CheckKeep(keep));
  return Write([&](Database& database) -> absl::StatusOr<std::vector<job::FileRef>> {
    HEBB_RETURN_IF_ERROR(RequireJob(database, id));
    return WriteCheckpoint(database, id, file, keep);
  });
}

absl::StatusOr<std::vector<job::FileRef>> SqliteJobStore::Checkpoints(absl::string_view id) {
  HEBB_ASSIGN_OR_RETURN(ReadPool::Reader reader, readers_->Take());
  HEBB_RETURN_IF_ERROR(RequireJob(*reader, id));
  return ReadCheckpoints(*reader, id);
}

absl::StatusOr<bool> SqliteJobStore::IsCheckpoint(absl::string_view sha256) {
  HEBB_ASSIGN_OR_RETURN(ReadPool::Reader reader, readers_->Take());
  return IsReferenced(*reader, sha256);
}

absl::StatusOr<bool> SqliteJobStore::IsInit(absl::string_view sha256) {
  HEBB_ASSIGN_OR_RETURN(ReadPool::Reader reader, readers_->Take());
  return IsInitOfLiving(*reader, sha256);
}

absl::StatusOr<std::vector<job::FileRef>> SqliteJobStore::DropCheckpoints(absl::string_view id) {
  return Write([&](Database& database) -> absl::StatusOr<std::vector<job::FileRef>> {
    HEBB_ASSIGN_OR_RETURN(const job::Job job, ReadJob(database, id));
    HEBB_RETURN_IF_ERROR(CheckCanDropFiles(job));
    return DeleteCheckpoints(database, id);
  });
}

absl::StatusOr<std::vector<std::string>> SqliteJobStore::EndedBefore(absl::Time time,
                                                                     int64_t limit) {
  HEBB_ASSIGN_OR_RETURN(ReadPool::Reader reader, readers_->Take());
  return ReadEndedBefore(*reader, time, limit);
}

absl::StatusOr<std::vector<std::string>> SqliteJobStore::ArchivedBefore(absl::Time time,
                                                                        int64_t limit) {
  HEBB_ASSIGN_OR_RETURN(ReadPool::Reader reader, readers_->Take());
  return ReadArchivedBefore(*reader, time, limit);
}

absl::Status SqliteJobStore::PutUsage(const job::Usage& usage) {
  return writer_.Run([&](Database& database) { return WriteUsage(database, usage); });
}

absl::StatusOr<job::Usage> SqliteJobStore::ReadUsage() {
  HEBB_ASSIGN_OR_RETURN(ReadPool::Reader reader, readers_->Take());
  return store::ReadUsage(*reader);
}

}  // namespace hebb::store
