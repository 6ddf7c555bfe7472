// SPDX-License-Identifier: Apache-2.0
// The seam to whatever owns the machines: it is asked for workers, says what became of them, and
// takes them back. SLURM, Kubernetes; a fake in tests.
#ifndef HEBB_SERVER_LAUNCHER_LAUNCHER_H_
#define HEBB_SERVER_LAUNCHER_LAUNCHER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/spec/spec.h"

namespace hebb::launcher {

// One worker. Its name is made before it is asked for and never used again, so that one that was
// asked for by a coordinator that died before it heard the answer is found by it. The worker is
// started with `--name NAME`, which its id begins with.
struct WorkerRequest {
  std::string name;        // worker_name.h
  std::string device;      // cpu | cuda
  spec::Slurm slurm = {};  // what the job that lacks it says; heeded by SLURM only
};

enum class LaunchState {
  kPending,  // asked for; no machine yet
  kRunning,  // its process was started, or is about to be
  kGone,     // ended, cancelled or refused: it never comes back under this name
};

// What the cluster says of one worker.
struct Observed {
  std::string name;
  std::string handle;  // the cluster's own name of it: a SLURM job id, a pod's name
  LaunchState state = LaunchState::kPending;
  // The cluster's own words, "" if it has none: why it is pending ("Resources"), where it runs, how
  // it ended ("FAILED: NonZeroExitCode").
  std::string detail = {};
  // kGone: it did not end by itself nor by LetGo in good order, so the same request may fail again.
  bool failed = false;
};

// One thread at a time. Calls may take seconds, never longer than half a minute.
class Launcher {
 public:
  virtual ~Launcher() = default;

  // A word for messages and events: "slurm", "kubernetes".
  virtual absl::string_view kind() const = 0;

  // What Ask would hand to the cluster, for people. Any thread.
  virtual absl::StatusOr<std::string> Show(const WorkerRequest& request) const = 0;

  // Returns the handle. An error is one line with the cluster's own words: INVALID_ARGUMENT or
  // PERMISSION_DENIED: it refuses this request; RESOURCE_EXHAUSTED: a limit there; UNAVAILABLE: it
  // does not answer, and the worker may have been asked for nevertheless (Observe tells).
  virtual absl::StatusOr<std::string> Ask(const WorkerRequest& request) = 0;

  // All workers of this coordinator that the cluster knows, by whatever coordinator process they
  // were asked for; those that have ended for as long as the cluster remembers them.
  virtual absl::StatusOr<std::vector<Observed>> Observe() = 0;

  // The worker is told to end in good order (SIGTERM; it drains). OK when it is gone already.
  virtual absl::Status LetGo(const std::string& handle) = 0;
};

}  // namespace hebb::launcher

#endif  // HEBB_SERVER_LAUNCHER_LAUNCHER_H_
