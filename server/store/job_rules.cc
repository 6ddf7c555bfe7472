// SPDX-License-Identifier: Apache-2.0
#include "server/store/job_rules.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace hebb::store {
namespace {

absl::Status CheckAttempts(const job::Job& job) {
  for (size_t i = 0; i < job.attempts.size(); ++i) {
    if (job.attempts[i].number != static_cast<int>(i) + 1) {
      return absl::InternalError(absl::StrCat("job ", job.id, ": attempt ", i + 1, " is numbered ",
                                              job.attempts[i].number));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Pick(absl::string_view key, const std::vector<KeyMatch>& matches,
                                 absl::string_view things) {
  for (const KeyMatch& match : matches) {
    if (match.id == key) return match.id;
  }
  if (matches.size() == 1) return matches.front().id;
  constexpr size_t kShown = 5;
  std::string message = absl::StrCat("'", key, "' fits ", matches.size(), " ", things, ":");
  for (size_t i = 0; i < std::min(kShown, matches.size()); ++i) {
    absl::StrAppend(&message, i == 0 ? " " : ", ", matches[i].id, " (", matches[i].name, ")");
  }
  if (matches.size() > kShown) absl::StrAppend(&message, ", ...");
  absl::StrAppend(&message, "; use the id");
  return absl::InvalidArgumentError(message);
}

}  // namespace

absl::Status NoSuchJob(absl::string_view key) {
  return absl::NotFoundError(
      absl::StrCat("no job '", key, "'; `hebb list --all` shows ids and names"));
}

absl::Status NoSuchSweep(absl::string_view key) {
  return absl::NotFoundError(
      absl::StrCat("no sweep '", key, "'; `hebb sweep list` shows ids and names"));
}

absl::Status CheckQueueRoom(absl::string_view user, int64_t queued, int64_t added,
                            int64_t queued_max) {
  if (added <= queued_max - queued) return absl::OkStatus();
  const std::string whose = user.empty() ? "without a user" : absl::StrCat("of user ", user);
  return absl::ResourceExhaustedError(
      absl::StrCat("too many jobs ", whose, " wait: ", queued, " do, ", added,
                   " would come, and the coordinator lets ", queued_max,
                   " wait at once (--user-queued); submit again when some have started, or cancel "
                   "some that wait"));
}

absl::Status CheckKeep(int64_t keep) {
  if (keep >= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("cannot keep ", keep, " checkpoints, only 1 or more"));
}

CheckpointPlan PlanCheckpoint(const std::vector<job::FileRef>& kept, const job::FileRef& file,
                              int64_t keep) {
  CheckpointPlan plan;
  std::vector<job::FileRef> stay;
  for (const job::FileRef& old : kept) {
    const bool same_step = old.step == file.step;
    if (same_step && old.sha256 == file.sha256) plan.add = false;
    if (same_step && old.sha256 != file.sha256) {
      plan.remove.push_back(old);
    } else {
      stay.push_back(old);
    }
  }
  const auto room = static_cast<size_t>(plan.add ? keep - 1 : keep);
  const size_t surplus = stay.size() > room ? stay.size() - room : 0;
  plan.remove.insert(plan.remove.end(), stay.begin(), stay.begin() + surplus);
  return plan;
}

absl::Status CheckPage(const JobStore::Page& page) {
  if (page.size >= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("page_size is ", page.size, "; ask for 1 job or more"));
}

absl::StatusOr<std::string> PickJob(absl::string_view key, const std::vector<KeyMatch>& matches) {
  if (key.empty() || matches.empty()) return NoSuchJob(key);
  return Pick(key, matches, "jobs");
}

absl::StatusOr<std::string> PickSweep(absl::string_view key, const std::vector<KeyMatch>& matches) {
  if (key.empty() || matches.empty()) return NoSuchSweep(key);
  return Pick(key, matches, "sweeps");
}

absl::Status CheckNewSweep(const job::Sweep& sweep, const std::vector<job::Job>& jobs) {
  if (sweep.id.empty()) return absl::InvalidArgumentError("a sweep needs an id");
  for (const job::Job& job : jobs) {
    HEBB_RETURN_IF_ERROR(CheckNewJob(job));
    if (job.sweep != sweep.id || !job.request_id.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("job ", job.id, " does not belong to the sweep ", sweep.id));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCanDropFiles(const job::Job& job) {
  if (job::IsTerminal(job.state) && job.archived != absl::InfiniteFuture()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("job ", job.id, " is ", job::StateName(job.state), ", ",
                   job.archived == absl::InfiniteFuture() ? "not archived" : "archived",
                   "; only an ended and archived job's files are removed"));
}

job::Provenance Merged(job::Provenance known, const job::Provenance& told) {
  if (!told.coordinator_build.empty()) known.coordinator_build = told.coordinator_build;
  for (const job::DataDigest& digest : told.data) {
    const auto place = std::lower_bound(
        known.data.begin(), known.data.end(), digest,
        [](const job::DataDigest& a, const job::DataDigest& b) { return a.file < b.file; });
    if (place != known.data.end() && place->file == digest.file) {
      *place = digest;
    } else {
      known.data.insert(place, digest);
    }
  }
  for (const job::Software& software : told.software) {
    const auto& all = known.software;
    if (std::find(all.begin(), all.end(), software) == all.end())
      known.software.push_back(software);
  }
  return known;
}

absl::Status CheckNewJob(const job::Job& job) {
  if (job.id.empty()) return absl::InvalidArgumentError("a job needs an id");
  return CheckAttempts(job);
}

absl::Status CheckChange(const job::Job& before, const job::Job& after) {
  if (after.id != before.id || after.request_id != before.request_id ||
      after.created != before.created || after.sweep != before.sweep ||
      after.point != before.point) {
    return absl::InternalError(absl::StrCat(
        "job ", before.id, ": its id, request id, time of creation and sweep are fixed"));
  }
  HEBB_RETURN_IF_ERROR(CheckAttempts(after));
  absl::Status step = job::CheckTransition(before.state, after.state);
  if (step.ok()) return step;
  return absl::FailedPreconditionError(absl::StrCat("job ", before.id, ": ", step.message()));
}

}  // namespace hebb::store
