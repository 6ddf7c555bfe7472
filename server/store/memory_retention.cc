// SPDX-License-Identifier: Apache-2.0
// MemoryJobStore: where results came from, what users have used, and what may go.
#include <algorithm>
#include <utility>

#include "common/status_macros.h"
#include "server/store/job_rules.h"
#include "server/store/memory_job_store.h"

namespace hebb::store {
namespace {

std::vector<std::string> Oldest(std::vector<std::pair<absl::Time, std::string>> found,
                                int64_t limit) {
  std::sort(found.begin(), found.end());
  std::vector<std::string> ids;
  for (auto& [time, id] : found) {
    if (static_cast<int64_t>(ids.size()) < limit) ids.push_back(std::move(id));
  }
  return ids;
}

}  // namespace

absl::Status MemoryJobStore::AddProvenance(absl::string_view id, const job::Provenance& told) {
  absl::MutexLock lock(&mutex_);
  HEBB_ASSIGN_OR_RETURN(Record * record, Find(id));
  record->provenance = Merged(std::move(record->provenance), told);
  return absl::OkStatus();
}

absl::StatusOr<job::Provenance> MemoryJobStore::ReadProvenance(absl::string_view id) {
  absl::MutexLock lock(&mutex_);
  HEBB_ASSIGN_OR_RETURN(Record * record, Find(id));
  return record->provenance;
}

absl::StatusOr<std::vector<job::FileRef>> MemoryJobStore::DropCheckpoints(absl::string_view id) {
  absl::MutexLock lock(&mutex_);
  HEBB_ASSIGN_OR_RETURN(Record * record, Find(id));
  HEBB_RETURN_IF_ERROR(CheckCanDropFiles(record->job));
  std::vector<job::FileRef> dropped = std::exchange(record->checkpoints, {});
  std::erase_if(dropped, [this](const job::FileRef& file) {
    mutex_.AssertHeld();
    return IsReferenced(file.sha256);
  });
  return dropped;
}

absl::StatusOr<std::vector<std::string>> MemoryJobStore::EndedBefore(absl::Time time,
                                                                     int64_t limit) {
  absl::MutexLock lock(&mutex_);
  std::vector<std::pair<absl::Time, std::string>> found;
  for (const auto& [id, record] : records_) {
    const absl::Time since = std::max(record.job.ended, record.job.listed);
    if (record.job.archived == absl::InfiniteFuture() && since < time)
      found.emplace_back(since, id);
  }
  return Oldest(std::move(found), limit);
}

absl::StatusOr<std::vector<std::string>> MemoryJobStore::ArchivedBefore(absl::Time time,
                                                                        int64_t limit) {
  absl::MutexLock lock(&mutex_);
  std::vector<std::pair<absl::Time, std::string>> found;
  for (const auto& [id, record] : records_) {
    const job::Job& job = record.job;
    if (job.archived < time && job.files_removed == absl::InfiniteFuture()) {
      found.emplace_back(job.archived, id);
    }
  }
  return Oldest(std::move(found), limit);
}

absl::Status MemoryJobStore::PutUsage(const job::Usage& usage) {
  absl::MutexLock lock(&mutex_);
  usage_ = usage;
  return absl::OkStatus();
}

absl::StatusOr<job::Usage> MemoryJobStore::ReadUsage() {
  absl::MutexLock lock(&mutex_);
  return usage_;
}

}  // namespace hebb::store
