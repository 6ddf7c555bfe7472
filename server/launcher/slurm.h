// SPDX-License-Identifier: Apache-2.0
// Workers as jobs of SLURM, one worker each, by its own commands: sbatch, squeue, scancel.
#ifndef HEBB_SERVER_LAUNCHER_SLURM_H_
#define HEBB_SERVER_LAUNCHER_SLURM_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/launcher/launcher.h"

namespace hebb::launcher {

struct SlurmOptions {
  std::string cluster;               // this coordinator's id, as in the workers' names: [a-z0-9-]
  std::string program;               // of the worker, as the nodes see it
  std::string coordinator;           // HOST:PORT, as the nodes reach it
  std::string data_dir;              // as the nodes see it
  std::string work_dir;              // likewise; "": below the node's TMPDIR
  std::string log_dir;               // likewise; where the workers' outputs go
  std::string credentials;           // folder of a worker's (docs/security.md); "": plain text
  spec::Slurm defaults;              // where a job says nothing
  std::vector<std::string> options;  // of sbatch, for every worker: "--cpus-per-task=16"
  std::vector<std::string> cuda_options;  // and for those with a GPU: "--gres=gpu:1"
  absl::Duration call_within = absl::Seconds(20);
};

// The batch script of one worker, with all options of sbatch in it.
std::string SlurmScript(const SlurmOptions& options, const WorkerRequest& request);

// What `squeue --format=%j|%i|%T|%r|%N` printed of jobs whose names begin as `cluster`'s workers'
// do.
std::vector<Observed> ReadQueue(absl::string_view printed, absl::string_view cluster);

// Its user is the one of this process. SLURM forgets ended jobs after its MinJobAge.
class SlurmLauncher : public Launcher {
 public:
  explicit SlurmLauncher(SlurmOptions options) : options_(std::move(options)) {}

  absl::string_view kind() const override { return "slurm"; }
  absl::StatusOr<std::string> Show(const WorkerRequest& request) const override;
  // The handle is the SLURM job's id.
  absl::StatusOr<std::string> Ask(const WorkerRequest& request) override;
  absl::StatusOr<std::vector<Observed>> Observe() override;
  absl::Status LetGo(const std::string& handle) override;

 private:
  const SlurmOptions options_;
};

}  // namespace hebb::launcher

#endif  // HEBB_SERVER_LAUNCHER_SLURM_H_
