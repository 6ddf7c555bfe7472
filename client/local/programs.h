// SPDX-License-Identifier: Apache-2.0
// What `hebb up` was asked for, and the command lines that follow from it. Pure, but for looking
// where the programs lie.
#ifndef HEBB_CLIENT_LOCAL_PROGRAMS_H_
#define HEBB_CLIENT_LOCAL_PROGRAMS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hebb::client {

struct UpOptions {
  int workers = 0;  // 0: one per GPU, or one
  std::string state_dir;
  std::string data_dir;
  int port = 7070;       // 0: any free one
  int http_port = 7071;  // 0: any free one
  std::string comm =
      "auto";  // auto | gloo | mpi; auto is gloo, which survives the loss of a worker
  std::string detect_within = "2s";  // of the coordinator
  // Of the workers: auto | cpu | cuda; auto is cuda where there are GPUs enough for them.
  std::string device = "auto";
  std::vector<std::string> gpus;    // of device cuda: what CUDA_VISIBLE_DEVICES calls each
  int threads = 0;                  // of each worker; 0: cores / workers, at least 1
  std::string coordinator_program;  // "" : hebb-coordinator beside this program
  std::string worker_program;
  std::string mpirun_program;  // "" : mpirun from PATH
};

// hebb-worker's exit code when the coordinator refuses it: starting it again is of no use.
inline constexpr int kWorkerRefused = 3;

struct Endpoints {
  std::string coordinator;  // HOST:PORT
  std::string http;
};

// A program's own path, because execv does not search PATH; `program` itself if it is not there.
std::string FindInPath(const std::string& program);

// Fills in the programs that were left open.
void FindPrograms(UpOptions& options);
// Fills whatever else was; makes paths absolute.
void Complete(UpOptions& options);

// Settles `device`, `workers` and `gpus` where hebb-worker can compute on these GPUs, or on none,
// for `why`. Returns a sentence for the user, or "". INVALID_ARGUMENT: there are not enough for
// `cuda`.
absl::StatusOr<std::string> ChooseDevice(std::vector<std::string> gpus, absl::string_view why,
                                         UpOptions& options);

bool UsesMpi(const UpOptions& options);
std::string LogFolder(const UpOptions& options);

std::vector<std::string> CoordinatorCommand(const UpOptions& options, const Endpoints& endpoints);
// One worker, standing alone.
std::vector<std::string> WorkerCommand(const UpOptions& options, const Endpoints& endpoints);
// Beside our own, of the worker of that number: its GPU.
std::vector<std::pair<std::string, std::string>> WorkerEnvironment(const UpOptions& options,
                                                                   int worker);
// mpirun with what makes a world on the loopback; the ranks' program is to follow.
std::vector<std::string> LocalWorld(const std::string& mpirun, int ranks);
// All workers as one MPI world on the loopback.
std::vector<std::string> WorldCommand(const UpOptions& options, const Endpoints& endpoints);
// `hebb up` itself in the foreground, for --detach.
std::vector<std::string> ForegroundCommand(const UpOptions& options);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_LOCAL_PROGRAMS_H_
