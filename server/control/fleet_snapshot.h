// SPDX-License-Identifier: Apache-2.0
// What the control loop shows to other threads.
#ifndef HEBB_SERVER_CONTROL_FLEET_SNAPSHOT_H_
#define HEBB_SERVER_CONTROL_FLEET_SNAPSHOT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "server/control/worker_registry.h"
#include "server/scheduler/scheduler.h"

namespace hebb::control {

// What outsiders see of the loop's own knowledge.
struct FleetSnapshot {
  std::vector<WorkerView> workers;
  std::map<std::string, int64_t> recoveries;  // worker_lost, attempt_lost: since the start
  std::set<std::string> unreachable_jobs;
  // That have not ended, with lost attempts that count or workers that could not prepare for them.
  std::set<std::string> remembered_jobs;
  // Why queued jobs wait, by id; as of the last decision. Never null.
  std::shared_ptr<const std::map<std::string, scheduler::Wait>> waits =
      std::make_shared<std::map<std::string, scheduler::Wait>>();
};

}  // namespace hebb::control

#endif  // HEBB_SERVER_CONTROL_FLEET_SNAPSHOT_H_
