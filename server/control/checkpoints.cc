// SPDX-License-Identifier: Apache-2.0
#include "server/control/checkpoints.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/log.h"
#include "common/status_macros.h"

namespace hebb::control {

absl::StatusOr<StoredCheckpoint> Checkpoints::NewestIntact(absl::string_view job) {
  HEBB_ASSIGN_OR_RETURN(const std::vector<job::FileRef> files, jobs_.Checkpoints(job));
  if (files.empty()) {
    HEBB_ASSIGN_OR_RETURN(const job::Job owner, jobs_.Get(job));
    if (owner.files_removed == absl::InfiniteFuture()) {
      return absl::NotFoundError(absl::StrCat("job ", job, " has no checkpoint yet"));
    }
    return absl::NotFoundError(
        absl::StrCat("job ", job, " has no checkpoint any more: its files were removed at ",
                     absl::FormatTime(owner.files_removed, absl::UTCTimeZone()),
                     ", some time after it was archived; submit it again to have them back"));
  }
  std::vector<std::string> damaged;
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    auto path = blobs_.VerifiedPath(file->sha256);
    if (path.ok()) return StoredCheckpoint{*file, *path};
    if (!absl::IsDataLoss(path.status()) && !absl::IsNotFound(path.status())) {
      return path.status();
    }
    NameDamaged(job, *file, path.status());
    damaged.push_back(absl::StrCat("step ", file->step, " (", path.status().message(), ")"));
  }
  return absl::DataLossError(
      absl::StrCat("no checkpoint of job ", job, " is intact: ", absl::StrJoin(damaged, "; ")));
}

void Checkpoints::NameDamaged(absl::string_view job, const job::FileRef& file,
                              const absl::Status& why) {
  {
    absl::MutexLock lock(&mutex_);
    if (!named_.insert(file.sha256).second) return;
  }
  const std::string text =
      absl::StrCat("checkpoint of step ", file.step, " is damaged: ", why.message(),
                   "; the one before it is used");
  LogWarning(text, {{"job", std::string(job)}});
  const absl::Status status =
      jobs_.AppendEvent(job, {absl::Now(), text, "coordinator", "checkpoint_damaged"});
  if (!status.ok()) LogError(status.message(), {{"job", std::string(job)}});
}

absl::Status Checkpoints::Put(absl::string_view job, const job::FileRef& file, int64_t keep) {
  HEBB_ASSIGN_OR_RETURN(const std::vector<job::FileRef> removed,
                        jobs_.PutCheckpoint(job, file, keep));
  return RemoveUnneeded(job, removed);
}

absl::StatusOr<int64_t> Checkpoints::Drop(absl::string_view job) {
  HEBB_ASSIGN_OR_RETURN(const std::vector<job::FileRef> all, jobs_.Checkpoints(job));
  HEBB_ASSIGN_OR_RETURN(const std::vector<job::FileRef> removed, jobs_.DropCheckpoints(job));
  HEBB_RETURN_IF_ERROR(RemoveUnneeded(job, removed));
  return static_cast<int64_t>(all.size());
}

absl::Status Checkpoints::RemoveUnneeded(absl::string_view job,
                                         const std::vector<job::FileRef>& files) {
  for (const job::FileRef& old : files) {
    HEBB_ASSIGN_OR_RETURN(const bool needed, jobs_.IsInit(old.sha256));
    if (needed) continue;
    const absl::Status status = blobs_.Remove(old.sha256);
    // A file that stays behind only costs space, until RemoveOrphans.
    if (!status.ok()) LogWarning(status.message(), {{"job", std::string(job)}});
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> Checkpoints::RemoveOrphans(absl::Time time) {
  HEBB_ASSIGN_OR_RETURN(const std::vector<std::string> old, blobs_.StoredBefore(time));
  int64_t removed = 0;
  for (const std::string& sha256 : old) {
    HEBB_ASSIGN_OR_RETURN(const bool needed, jobs_.IsInit(sha256));
    if (needed) continue;
    HEBB_ASSIGN_OR_RETURN(const bool recorded, jobs_.IsCheckpoint(sha256));
    if (recorded) continue;
    HEBB_RETURN_IF_ERROR(blobs_.Remove(sha256));
    ++removed;
  }
  return removed;
}

}  // namespace hebb::control
