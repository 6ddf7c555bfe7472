// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/doctor.h"

#include <cstdlib>
#include <functional>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "client/doctor/clock.h"
#include "client/doctor/data_sets.h"
#include "client/doctor/disk.h"
#include "client/doctor/machine.h"
#include "client/doctor/ports.h"
#include "client/doctor/programs.h"
#include "client/doctor/service.h"
#include "client/format.h"
#include "common/status_macros.h"
#include "common/times.h"

namespace hebb::client::doctor {
namespace {

// What a group of checks has to go by; `done` grows.
struct Visit {
  const Options& options;
  Api& api;
  Examination done;
};

Findings CheckService(Visit& visit) {
  if (visit.options.local) return {Skipped("coordinator.reachable", "left out by --local")};
  const absl::StatusOr<v1::ServiceInfo> info = visit.api.GetInfo();
  if (info.ok()) visit.done.service = *info;
  return JudgeService(info, visit.options.address, visit.options.own_version);
}

Findings CheckOffset(Visit& visit) {
  if (!visit.done.service) return {};
  const absl::StatusOr<Offset> offset = MeasureOffset([&visit]() -> absl::StatusOr<absl::Time> {
    HEBB_ASSIGN_OR_RETURN(const v1::ServiceInfo info, visit.api.GetInfo());
    return FromProto(info.now());
  });
  if (!offset.ok()) return {FailedAs("clock.offset", offset.status())};
  return {JudgeOffset(*offset)};
}

Findings CheckWorkers(Visit& visit) {
  if (!visit.done.service) return {};
  const absl::StatusOr<v1::ListWorkersResponse> answer = visit.api.ListWorkers();
  if (!answer.ok()) return {FailedAs("workers.attached", answer.status())};
  // Newer than the heartbeats that it is compared with.
  const absl::StatusOr<v1::ServiceInfo> info = visit.api.GetInfo();
  if (!info.ok()) return {FailedAs("workers.attached", info.status())};
  return JudgeWorkers(*answer, *info);
}

Findings CheckClocks(Visit& visit) {
  const absl::Duration detect_within =
      visit.done.service ? absl::Milliseconds(visit.done.service->detect_within_ms())
                         : kDetectWithinDefault;
  return JudgeClocks(WatchClocks(), detect_within);
}

Findings CheckDisks(Visit& visit) {
  const Options& options = visit.options;
  return {JudgeFolder(FolderUse::kState, options.state_dir, ProbeFolder(options.state_dir)),
          JudgeFolder(FolderUse::kData, options.data_dir, ProbeFolder(options.data_dir)),
          CheckSharedMemory()};
}

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Findings CheckMachine(Visit&) {
  Findings findings = JudgeMachine(LookAtMachine(""));
  findings.push_back(JudgeEnvironment(Variable));
  return findings;
}

// The table: every group, in the order of the report.
const std::vector<std::function<Findings(Visit&)>>& Groups() {
  static const auto* groups = new std::vector<std::function<Findings(Visit&)>>{
      CheckService,
      CheckOffset,
      CheckWorkers,
      CheckClocks,
      CheckDisks,
      [](Visit& visit) { return Findings{CheckDataSets(visit.options.data_dir)}; },
      [](Visit&) { return CheckPorts(); },
      CheckMachine,
      [](Visit& visit) {
        return CheckPrograms({visit.options.worker_program, visit.options.own_version,
                              visit.options.start_world, visit.options.conformance,
                              visit.options.conformance_seed, visit.options.every_case});
      },
  };
  return *groups;
}

}  // namespace

Examination Examine(const Options& options, Api& api) {
  Visit visit{options, api, {}};
  for (const auto& group : Groups()) {
    for (Finding& finding : group(visit)) visit.done.findings.push_back(std::move(finding));
  }
  return std::move(visit.done);
}

}  // namespace hebb::client::doctor
