// SPDX-License-Identifier: Apache-2.0
// hebb-worker's object graph: made, run until something asks for the end, taken down in order.
#ifndef HEBB_WORKER_RUNTIME_WORKER_PROCESS_H_
#define HEBB_WORKER_RUNTIME_WORKER_PROCESS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "worker/runtime/exit_signal.h"
#include "worker/runtime/gpu_device.h"

namespace hebb::runtime {

struct WorkerOptions {
  std::string coordinator;  // HOST:PORT
  std::string data_dir;
  std::string work_dir;     // "": <data_dir>/spool
  std::string advertise;    // "": the address towards the coordinator
  std::string name;         // who asked for it knows it by this; "": nobody did
  std::string http;         // HOST:PORT, "": no HTTP
  std::string credentials;  // folder (docs/security.md), "": plain text
  DeviceWish device;
  int threads = 0;  // 0: one per core this process may run on
  // How long a worker that is asked to end may take to leave its gang in good order.
  absl::Duration drain_within = absl::Seconds(20);
};

// Returns the exit code (exit_signal.h) after an end that was asked for. INVALID_ARGUMENT: usage;
// others: the worker could not start.
absl::StatusOr<int> RunWorker(const WorkerOptions& options, ExitSignal& exit);

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_WORKER_PROCESS_H_
