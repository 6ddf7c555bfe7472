// SPDX-License-Identifier: Apache-2.0
// `hebb up`: a coordinator and its workers as child processes on this machine, kept running until
// SIGINT or SIGTERM. Nothing here is known to the programs themselves: on a cluster, SLURM or
// Kubernetes does what this does here.
#ifndef HEBB_CLIENT_LOCAL_SUPERVISOR_H_
#define HEBB_CLIENT_LOCAL_SUPERVISOR_H_

#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/local/census.h"
#include "client/local/freeze_judge.h"
#include "client/local/programs.h"
#include "client/local/service.h"

namespace hebb::client {

// Main thread only; owns the census' thread. Children die with it, however it ends.
class Supervisor {
 public:
  // `options` are Complete. Messages for people go to `err`.
  Supervisor(UpOptions options, std::ostream& err);
  ~Supervisor();

  // Starts everything, keeps it running, and stops it in good order (workers first) after SIGINT or
  // SIGTERM: OK. A worker that the coordinator refuses is not started again. FAILED_PRECONDITION: a
  // taken port, another `up` on the same folder, or all workers refused before they were ready;
  // NOT_FOUND: a program is missing; INTERNAL: the coordinator does not come up, with its last
  // words.
  absl::Status Run();

 private:
  absl::Status Prepare();
  absl::Status StartDue();
  absl::Status Loop();
  // Waits for a signal until something is due; true: it is time to stop.
  bool WaitForSignal();
  // Takes note of ended children. INTERNAL when the coordinator cannot be brought up.
  absl::Status Reap();
  absl::Status TakeNote(Service& service, int wait_status);
  absl::Status TakeNoteOfRefusal(const Service& worker);
  void AnnounceWhenReady();
  void BoundLogs();
  void EndFrozenWorld();
  void StopAll();
  void StopServices(const std::vector<Service*>& services);
  absl::Status Record();
  std::vector<pid_t> Ranks() const;

  const UpOptions options_;
  std::ostream& err_;
  Endpoints endpoints_;
  int lock_ = -1;  // of the state folder, held while this runs
  std::optional<Service> coordinator_;
  std::vector<Service> workers_;  // one "mpirun" for a world
  std::unique_ptr<Census> census_;
  FreezeJudge judge_;
  std::string log_trouble_;  // the last that was told of
  bool served_ = false;      // the coordinator has answered at least once
  bool announced_ = false;
};

}  // namespace hebb::client

#endif  // HEBB_CLIENT_LOCAL_SUPERVISOR_H_
