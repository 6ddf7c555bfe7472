// SPDX-License-Identifier: Apache-2.0
// Weight digests that members report: kept, and compared with what is on record.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "server/control/controller.h"

namespace hebb::control {
namespace {

absl::Status DiffersFromRecord(const Verified& verified, const job::StepDigest& recorded,
                               const job::StepDigest& told, int64_t last_equal) {
  if (recorded.kernel_family != told.kernel_family) {
    return absl::AbortedError(absl::StrCat(
        "verify: job ", verified.job, " was recorded on kernels ", recorded.kernel_family,
        " and is trained again on ", told.kernel_family,
        ", whose bits differ by right; give it workers of the machine kind that recorded it"));
  }
  return absl::AbortedError(
      absl::StrCat("verify: the first record that differs is of step ", told.step,
                   ", the one before, of step ", last_equal, ", is the same: attempt ",
                   recorded.attempt, " rank ", recorded.rank, " (worker ", recorded.worker,
                   ", host ", recorded.host, ") recorded ", recorded.weights_digest.substr(0, 12),
                   ", host ", told.host, " now has ", told.weights_digest.substr(0, 12),
                   "; run it again on another machine to learn which of the two is right"));
}

}  // namespace

absl::Status Controller::CompareWithRecord(Live& live,
                                           const std::vector<job::StepDigest>& digests) {
  Verified& verified = *live.verified;
  for (const job::StepDigest& told : digests) {
    HEBB_ASSIGN_OR_RETURN(const std::vector<job::StepDigest> recorded,
                          jobs_.Digests(verified.job, told.step - 1, 1));
    if (recorded.empty() || recorded.front().step != told.step) continue;
    if (recorded.front().weights_digest != told.weights_digest) {
      return DiffersFromRecord(verified, recorded.front(), told, verified.last_equal);
    }
    verified.last_equal = std::max(verified.last_equal, told.step);
  }
  return absl::OkStatus();
}

void Controller::HandleDigests(WorkerEntry& entry, DigestReport& report) {
  Live* live = FindLive(report.generation.job, report.generation.attempt);
  if (live == nullptr || !live->gang.HasMember(entry.facts.id)) return;
  for (job::StepDigest& digest : report.digests) {
    digest.attempt = report.generation.attempt;
    digest.rank = report.rank;
    digest.worker = entry.facts.id;
    digest.host = entry.facts.host;
    digest.kernel_family = entry.facts.kernel_family;
  }
  absl::Status status = jobs_.PutDigests(live->job.id, report.digests, live->exact);
  if (status.ok() && live->verified) status = CompareWithRecord(*live, report.digests);
  if (absl::IsAborted(status)) {
    dirty_ = true;
    Carry(*live, live->gang.Fail(std::string(status.message())));
  } else if (!status.ok()) {
    // Its worker tells it again when it attaches again; the job goes on.
    LogError(status.message(), {{"job", live->job.id}});
  }
}

}  // namespace hebb::control
