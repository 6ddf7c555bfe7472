// SPDX-License-Identifier: Apache-2.0
// What the coordinator's HTTP server shows of the workers. server/control implements it, so that
// http needs to know nothing of streams and gangs.
#ifndef HEBB_SERVER_HTTP_FLEET_VIEW_H_
#define HEBB_SERVER_HTTP_FLEET_VIEW_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace hebb::http {

struct FleetWorker {
  std::string id;
  std::string host;
  std::string device;        // cpu | cuda
  std::string state;         // idle | busy | draining | silent (no heartbeat in time)
  std::string job;           // id; "" when idle
  std::string http_address;  // host:port of its /metrics; "" when it serves none
  absl::Time last_heartbeat;
};

struct Fleet {
  std::vector<FleetWorker> workers;
  // Since the coordinator's start, by reason from a short closed list, such as "worker_lost" (the
  // survivors went on) and "attempt_lost" (resumed from a checkpoint).
  std::map<std::string, int64_t> recoveries;
  std::map<std::string, int64_t> waiting;  // queued jobs by reason from a closed list
};

// Thread-safe; called on every scrape, so it must not wait for workers.
class FleetView {
 public:
  virtual ~FleetView() = default;
  virtual Fleet Snapshot() const = 0;
};

}  // namespace hebb::http

#endif  // HEBB_SERVER_HTTP_FLEET_VIEW_H_
