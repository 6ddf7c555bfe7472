// SPDX-License-Identifier: Apache-2.0
// What a job's results come from: the data that its workers have, and their programs.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "server/control/controller.h"
#include "server/store/job_rules.h"

namespace hebb::control {

std::string Controller::JudgeData(Live& live, const WorkerEntry& entry,
                                  const MemberReport& report) {
  for (const job::DataDigest& told : report.data) {
    auto& known = live.provenance.data;
    const auto same = std::find_if(known.begin(), known.end(), [&](const job::DataDigest& digest) {
      return digest.file == told.file;
    });
    if (same == known.end()) {
      known.push_back(told);
      live.provenance_stored = false;
    } else if (same->sha256 != told.sha256) {
      return absl::StrCat("its file ", told.file, " on host ", entry.facts.host, " has SHA-256 ",
                          told.sha256, ", and this job is trained on one with ", same->sha256,
                          "; give all workers the same data, or submit a new job for the other");
    }
  }
  return "";
}

void Controller::RecordProvenance(Live& live, const Formation& formation) {
  job::Provenance told{options_.build, {}, {}};
  for (const job::Member& member : formation.members) {
    const WorkerEntry* entry = workers_.Find(member.worker);
    if (entry != nullptr) told.software.push_back(entry->facts.software);
  }
  job::Provenance merged = store::Merged(live.provenance, told);
  // So it is with most generations, and the loop need not wait for the disk.
  if (live.provenance_stored && merged == live.provenance) return;
  live.provenance = std::move(merged);
  const absl::Status status = jobs_.AddProvenance(live.job.id, live.provenance);
  live.provenance_stored = status.ok();
  if (!status.ok()) LogError(status.message(), {{"job", live.job.id}});
}

}  // namespace hebb::control
