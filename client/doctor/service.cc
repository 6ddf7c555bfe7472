// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/service.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/doctor/disk.h"
#include "client/format.h"
#include "common/rpc/protocol.h"

namespace hebb::client::doctor {
namespace {

constexpr int kShownOneByOne = 16;

absl::string_view VersionOf(absl::string_view build) { return build.substr(0, build.find('+')); }

Finding JudgeVersion(const v1::ServiceInfo& info, const std::string& address,
                     const std::string& own_version) {
  const std::string found = absl::StrCat(address, " answers: version ", info.build(), ", protocol ",
                                         info.protocol(), ", on ", info.host(), ", up for ",
                                         Age(FromProto(info.now()) - FromProto(info.started())));
  if (info.protocol() != rpc::kProtocolVersion) {
    return Failed("coordinator.version",
                  absl::StrCat(found, "; this client speaks protocol ", rpc::kProtocolVersion),
                  "install all programs of one version");
  }
  if (VersionOf(info.build()) != own_version) {
    return Warning("coordinator.version", absl::StrCat(found, ", but this client is ", own_version),
                   "install all programs of one version");
  }
  return Ok("coordinator.version", found);
}

Finding JudgeAccess(const v1::ServiceInfo& info) {
  if (!info.authenticates()) {
    return Ok("coordinator.access", "plain text; whoever reaches it may do everything");
  }
  return Ok("coordinator.access",
            absl::StrCat("TLS; you are ", info.user(), " with the role ", info.role()));
}

Finding DescribeTimes(const v1::ServiceInfo& info) {
  std::map<std::string, std::string> times;
  for (const v1::DerivedTime& time : info.times()) {
    times[time.name()] = absl::FormatDuration(absl::Microseconds(time.microseconds()));
  }
  return Ok(
      "coordinator.times",
      absl::StrCat("detect_within is ", times["detect within"], ": heartbeats every ",
                   times["heartbeat"], ", a gang out of reach is tried anew after ", times["lease"],
                   ", sums give up after ", times["collective"], "; -o wide explains all"));
}

std::string NameOf(const v1::Worker& worker) {
  return absl::StrCat("worker.", worker.id().substr(0, 8));
}

std::string Describe(const v1::Worker& worker, absl::Duration silence) {
  std::string text = absl::StrCat(worker.host(), ", pid ", worker.pid(), ", ", worker.device(),
                                  " with ", worker.threads(), " threads, ",
                                  absl::StrJoin(worker.backends(), "+"), ", ", worker.state());
  if (!worker.job().empty()) absl::StrAppend(&text, " with job ", worker.job());
  absl::StrAppend(&text, ", heard ",
                  absl::FormatDuration(absl::Trunc(silence, absl::Milliseconds(10))), " ago");
  return text;
}

Finding JudgeWorker(const v1::Worker& worker, const v1::ServiceInfo& service) {
  const absl::Duration silence =
      std::max(absl::ZeroDuration(), FromProto(service.now()) - FromProto(worker.last_heartbeat()));
  const std::string text = Describe(worker, silence);
  if (worker.state() == "silent") {
    return Warning(NameOf(worker), text,
                   "look whether its process lives and its machine reaches the coordinator; its "
                   "job goes on without it");
  }
  if (worker.state() == "draining") {
    return Warning(NameOf(worker), absl::StrCat(text, ": it takes no more jobs"),
                   absl::StrCat("`hebb drain ", worker.id().substr(0, 8),
                                " --undo` takes that "
                                "back"));
  }
  return Ok(NameOf(worker), text);
}

// "a (3), b (1)"; one entry a value.
std::string CountsText(const std::map<std::string, int>& counts) {
  return absl::StrJoin(counts, ", ", [](std::string* out, const auto& entry) {
    absl::StrAppend(out, entry.first, " (", entry.second, ")");
  });
}

Finding JudgeFamilies(const v1::ListWorkersResponse& answer) {
  std::map<std::string, int> families;
  for (const v1::Worker& worker : answer.workers()) ++families[worker.kernel_family()];
  if (families.size() == 1) return Ok("workers.kernels", families.begin()->first);
  return Warning("workers.kernels", CountsText(families),
                 "no gang spans two kernel families, whose sums differ in bits: install one oneDNN "
                 "everywhere, and ask for no more workers than one family has");
}

Finding JudgeBuilds(const v1::ListWorkersResponse& answer, const v1::ServiceInfo& service) {
  std::map<std::string, int> builds;
  bool all_own = true;
  for (const v1::Worker& worker : answer.workers()) {
    ++builds[worker.build()];
    all_own = all_own && VersionOf(worker.build()) == VersionOf(service.build());
  }
  if (builds.size() == 1 && all_own) return Ok("workers.builds", builds.begin()->first);
  return Warning("workers.builds",
                 absl::StrCat(CountsText(builds), ", the coordinator is ", service.build()),
                 "install all programs of one version: equal bits are promised within one");
}

}  // namespace

Findings JudgeService(const absl::StatusOr<v1::ServiceInfo>& asked, const std::string& address,
                      const std::string& own_version) {
  if (absl::IsUnimplemented(asked.status())) {
    return {Failed("coordinator.version",
                   absl::StrCat(address, " answers, but is older than this client"),
                   "install all programs of one version")};
  }
  if (!asked.ok()) return {FailedAs("coordinator.reachable", asked.status())};
  return {JudgeVersion(*asked, address, own_version), JudgeAccess(*asked), DescribeTimes(*asked),
          JudgeRoom(asked->state_dir(), asked->state_free_bytes(), asked->state_total_bytes(),
                    asked->free_disk_min_bytes())};
}

Findings JudgeWorkers(const v1::ListWorkersResponse& answer, const v1::ServiceInfo& service) {
  if (answer.workers().empty()) {
    return {Warning("workers.attached", "no workers are attached, so all jobs wait",
                    "start some: `hebb up`, or hebb-worker --coordinator HOST:PORT")};
  }
  std::set<std::string> hosts;
  for (const v1::Worker& worker : answer.workers()) hosts.insert(worker.host());
  const int count = answer.workers_size();
  Findings findings = {
      Ok("workers.attached", absl::StrCat(count, count == 1 ? " worker" : " workers", " on ",
                                          hosts.size(), hosts.size() == 1 ? " host" : " hosts")),
      JudgeFamilies(answer), JudgeBuilds(answer, service)};
  for (const v1::Worker& worker : answer.workers()) {
    Finding finding = JudgeWorker(worker, service);
    // Of a large fleet only those with something to be said about.
    if (count > kShownOneByOne && finding.verdict == Verdict::kOk) continue;
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace hebb::client::doctor
