// SPDX-License-Identifier: Apache-2.0
#include "server/access/rules.h"

namespace hebb::access {

const std::vector<Rule>& AllRules() {
  static const auto* rules = new std::vector<Rule>{
      {"/hebb.v1.Jobs/Validate", Role::kViewer},
      {"/hebb.v1.Jobs/Submit", Role::kUser, true},
      {"/hebb.v1.Jobs/List", Role::kViewer},
      {"/hebb.v1.Jobs/WatchList", Role::kViewer},
      {"/hebb.v1.Jobs/Get", Role::kViewer},
      {"/hebb.v1.Jobs/Watch", Role::kViewer},
      {"/hebb.v1.Jobs/Cancel", Role::kUser, true},
      {"/hebb.v1.Jobs/Pause", Role::kUser, true},
      {"/hebb.v1.Jobs/Resume", Role::kUser, true},
      {"/hebb.v1.Jobs/Archive", Role::kUser, true},
      {"/hebb.v1.Jobs/Verify", Role::kUser, true},
      {"/hebb.v1.Jobs/ListDigests", Role::kViewer},
      {"/hebb.v1.Jobs/Logs", Role::kViewer},
      {"/hebb.v1.Jobs/Evaluate", Role::kUser, true},
      {"/hebb.v1.Jobs/DownloadCheckpoint", Role::kViewer},
      {"/hebb.v1.Jobs/UploadWeights", Role::kUser, true},
      {"/hebb.v1.Jobs/ListWorkers", Role::kViewer},
      {"/hebb.v1.Jobs/Drain", Role::kAdmin, true},
      {"/hebb.v1.Jobs/ListAuditEvents", Role::kAdmin},
      {"/hebb.v1.Jobs/SubmitSweep", Role::kUser, true},
      {"/hebb.v1.Jobs/GetSweep", Role::kViewer},
      {"/hebb.v1.Jobs/ListSweeps", Role::kViewer},
      {"/hebb.v1.Jobs/CancelSweep", Role::kUser, true},
      {"/hebb.v1.Jobs/ValidateSweep", Role::kViewer},
      {"/hebb.v1.Coordinator/GetInfo", Role::kViewer},
      {"/hebb.v1.Queue/List", Role::kViewer},
      {"/hebb.v1.Workers/Attach", Role::kWorker},
      {"/hebb.v1.Workers/SetKey", Role::kWorker},
      {"/hebb.v1.Workers/GetKey", Role::kWorker},
      {"/hebb.v1.Workers/UploadCheckpoint", Role::kWorker},
      {"/hebb.v1.Workers/Download", Role::kWorker},
      // What probes ask, and what tools ask that look at a server.
      {"/grpc.health.v1.Health/Check", Role::kViewer, false, true},
      {"/grpc.health.v1.Health/Watch", Role::kViewer, false, true},
      {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Role::kViewer},
  };
  return *rules;
}

const Rule* RuleOf(absl::string_view method) {
  for (const Rule& rule : AllRules()) {
    if (rule.method == method) return &rule;
  }
  return nullptr;
}

bool Allows(const Rule& rule, Role role) {
  if (rule.open) return true;
  if (rule.least == Role::kWorker || role == Role::kWorker) return rule.least == role;
  return static_cast<int>(role) >= static_cast<int>(rule.least);
}

bool MayChange(const Caller& caller, absl::string_view owner) {
  return !caller.authenticated || caller.role == Role::kAdmin || caller.name == owner;
}

}  // namespace hebb::access
