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

}  // namespace

absl::Status NoSuchJob(absl::string_view key) {
  return absl::NotFoundError(
      absl::StrCat("no job '", key, "'; `hebb list --all` shows ids and names"));
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

absl::StatusOr<std::string> PickJob(absl::string_view key, const std::vector<KeyMatch>& matches) {
  if (key.empty() || matches.empty()) return NoSuchJob(key);
  for (const KeyMatch& match : matches) {
    if (match.id == key) return match.id;
  }
  if (matches.size() == 1) return matches.front().id;
  constexpr size_t kShown = 5;
  std::string message = absl::StrCat("'", key, "' fits ", matches.size(), " jobs:");
  for (size_t i = 0; i < std::min(kShown, matches.size()); ++i) {
    absl::StrAppend(&message, i == 0 ? " " : ", ", matches[i].id, " (", matches[i].name, ")");
  }
  if (matches.size() > kShown) absl::StrAppend(&message, ", ...");
  absl::StrAppend(&message, "; use the id");
  return absl::InvalidArgumentError(message);
}

absl::Status CheckNewJob(const job::Job& job) {
  if (job.id.empty()) return absl::InvalidArgumentError("a job needs an id");
  return CheckAttempts(job);
}

absl::Status CheckChange(const job::Job& before, const job::Job& after) {
  if (after.id != before.id || after.request_id != before.request_id ||
      after.created != before.created) {
    return absl::InternalError(
        absl::StrCat("job ", before.id, ": its id, request id and time of creation are fixed"));
  }
  HEBB_RETURN_IF_ERROR(CheckAttempts(after));
  absl::Status step = job::CheckTransition(before.state, after.state);
  if (step.ok()) return step;
  return absl::FailedPreconditionError(absl::StrCat("job ", before.id, ": ", step.message()));
}

}  // namespace hebb::store
