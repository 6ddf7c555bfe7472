// SPDX-License-Identifier: Apache-2.0
// The coordinator's composition root: owns every part, in the order of their start. No logic.
#ifndef HEBB_SERVER_COORDINATOR_H_
#define HEBB_SERVER_COORDINATOR_H_

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/times.h"
#include "server/control/retention.h"
#include "server/rpc/queue_limits.h"
#include "server/scheduler/scheduler.h"

namespace hebb {

struct CoordinatorOptions {
  std::string listen;     // HOST:PORT of gRPC; port 0: any free one
  std::string http;       // HOST:PORT of /metrics, /healthz ...
  std::string state_dir;  // held by one coordinator at a time
  absl::Duration detect_within = kDetectWithinDefault;
  // Of the scheduler (docs/scheduling.md): weights and limits by user, and of all others.
  std::map<std::string, scheduler::User> users = {};
  scheduler::User default_user = {};
  rpc::QueueLimits queued = {};
  absl::Duration usage_half_life = absl::Hours(24);
  absl::Duration protect_running = absl::Seconds(10);
  control::RetentionOptions retention = {};
  bool insecure_any_address = false;  // let test namespaces listen beyond loopback
  std::string credentials = {};       // folder (docs/security.md): TLS and tokens; "": neither
  bool require_client_certificate = false;
  double calls_per_second = 200;             // of one person
  int64_t free_disk_min = int64_t{1} << 30;  // bytes that uploads of users leave free
  std::string launcher = "none";             // none | slurm | kubernetes
  std::string launcher_config = {};          // file (docs/slurm.md, docs/kubernetes.md)
  std::string worker_program = {};           // path of hebb-worker, for a launcher
};

// Thread-safe but for Stop.
class Coordinator {
 public:
  // FAILED_PRECONDITION: a port or the state folder is taken, or an address is not loopback and
  // there are no credentials, or the launcher's cluster cannot be talked to from here; NOT_FOUND: a
  // file of the credentials or of the launcher; INVALID_ARGUMENT: an address or a file that cannot
  // be read.
  static absl::StatusOr<std::unique_ptr<Coordinator>> Start(const CoordinatorOptions& options);
  ~Coordinator();  // stops

  const std::string& address() const;       // gRPC, with the real port
  const std::string& http_address() const;  // likewise
  // NOT_SERVING, then the streams end, then the servers. Workers train on. Idempotent.
  void Stop();

 private:
  struct Parts;
  explicit Coordinator(std::unique_ptr<Parts> parts);
  const std::unique_ptr<Parts> parts_;
};

}  // namespace hebb

#endif  // HEBB_SERVER_COORDINATOR_H_
