// SPDX-License-Identifier: Apache-2.0
#include "server/control/retention.h"

#include <functional>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/log.h"
#include "common/status_macros.h"

namespace hebb::control {
namespace {

constexpr int64_t kPiece = 20;  // jobs that are asked for at a time
constexpr char kActor[] = "retention";

using Ids = absl::StatusOr<std::vector<std::string>>;

// Does `work` to each job that `next` names, until it names none that has not failed. The first
// error.
absl::Status ForEach(const std::function<Ids(int64_t limit)>& next,
                     const std::function<absl::Status(const std::string&)>& work,
                     const std::function<bool()>& stopping) {
  std::set<std::string> failed;
  absl::Status first;
  for (bool more = true; more;) {
    more = false;
    HEBB_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                          next(kPiece + static_cast<int64_t>(failed.size())));
    for (const std::string& id : ids) {
      if (stopping()) return first;
      if (failed.contains(id)) continue;
      more = true;
      const absl::Status status = work(id);
      if (status.ok()) continue;
      failed.insert(id);
      first.Update(absl::Status(status.code(), absl::StrCat("job ", id, ": ", status.message())));
    }
  }
  return first;
}

}  // namespace

absl::Status Retention::Archive(const std::string& id, absl::Time now) {
  const std::string text =
      absl::StrCat("archived: it ended ", absl::FormatDuration(options_.archive_after), " ago");
  const auto changed = jobs_.Update(id, [&](job::Job& job) {
    job.archived = now;
    job.news.push_back({now, text, kActor, "archive"});
    return absl::OkStatus();
  });
  return changed.status();
}

// The mark comes last: until it is there, all is done again.
absl::Status Retention::RemoveFiles(const std::string& id, absl::Time now) {
  const absl::StatusOr<int64_t> removed = checkpoints_.Drop(id);
  if (absl::IsFailedPrecondition(removed.status())) return absl::OkStatus();  // taken back just now
  HEBB_RETURN_IF_ERROR(removed.status());
  HEBB_RETURN_IF_ERROR(logs_.Remove(id));
  const std::string text =
      absl::StrCat("removed its log and ", *removed, " checkpoints: it was archived ",
                   absl::FormatDuration(options_.remove_files_after), " ago");
  const auto changed = jobs_.Update(id, [&](job::Job& job) {
    job.files_removed = now;
    job.news.push_back({now, text, kActor, "files_removed"});
    return absl::OkStatus();
  });
  return changed.status();
}

absl::Status Retention::Sweep(absl::Time now) {
  const auto stop = [this] { return rounds_.stopping(); };
  const absl::Status archived =
      ForEach([&](int64_t limit) { return jobs_.EndedBefore(now - options_.archive_after, limit); },
              [&](const std::string& id) { return Archive(id, now); }, stop);
  absl::Status status = ForEach(
      [&](int64_t limit) { return jobs_.ArchivedBefore(now - options_.remove_files_after, limit); },
      [&](const std::string& id) { return RemoveFiles(id, now); }, stop);
  return archived.ok() ? status : archived;
}

absl::Time Retention::Round() {
  const absl::Status status = Sweep(absl::Now());
  if (!status.ok()) LogWarning(absl::StrCat("retention: ", status.message(), "; tried again"));
  return SteadyNow() + options_.every;
}

}  // namespace hebb::control
