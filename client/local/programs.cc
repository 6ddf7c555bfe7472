// SPDX-License-Identifier: Apache-2.0
#include "client/local/programs.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/local/process.h"

namespace hebb::client {
namespace {

std::string Absolute(const std::string& path) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.lexically_normal().string();
}

}  // namespace

std::string FindInPath(const std::string& program) {
  const char* path = std::getenv("PATH");
  for (const absl::string_view folder : absl::StrSplit(path == nullptr ? "" : path, ':')) {
    const std::string candidate = absl::StrCat(folder, "/", program);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return program;
}

void FindPrograms(UpOptions& options) {
  if (options.coordinator_program.empty()) {
    options.coordinator_program = OwnFolder() + "/hebb-coordinator";
  }
  if (options.worker_program.empty()) options.worker_program = OwnFolder() + "/hebb-worker";
  if (options.mpirun_program.empty()) options.mpirun_program = FindInPath("mpirun");
}

void Complete(UpOptions& options) {
  FindPrograms(options);
  if (options.workers == 0) options.workers = 1;
  if (options.threads == 0) {
    const int cores = static_cast<int>(std::thread::hardware_concurrency());
    options.threads = std::max(1, cores / std::max(1, options.workers));
  }
  options.state_dir = Absolute(options.state_dir);
  options.data_dir = Absolute(options.data_dir);
}

absl::StatusOr<std::string> ChooseDevice(std::vector<std::string> gpus, absl::string_view why,
                                         UpOptions& options) {
  const int count = static_cast<int>(gpus.size());
  const bool enough = count > 0 && options.workers <= count;
  if (options.device == "cpu" || (options.device == "auto" && !enough)) {
    const bool spare = options.device == "auto" && count > 0;
    options.device = "cpu";
    if (options.workers == 0) options.workers = 1;
    if (spare) {
      return absl::StrCat("the ", options.workers, " workers compute on CPUs, for GPUs there are ",
                          count, " here; --device cuda without --workers takes those");
    }
    return std::string(why.empty() ? "" : absl::StrCat("the workers compute on CPUs: ", why));
  }
  if (count == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--device cuda: ", why.empty() ? "there is no GPU here" : why,
                     "; `hebb doctor --local` says what is missing"));
  }
  if (!enough) {
    return absl::InvalidArgumentError(absl::StrCat("--device cuda: ", options.workers,
                                                   " workers need as many GPUs, and there are ",
                                                   count, " here; use --workers ", count));
  }
  options.device = "cuda";
  if (options.workers == 0) options.workers = count;
  options.gpus = std::move(gpus);
  return std::string();
}

bool UsesMpi(const UpOptions& options) { return options.comm == "mpi"; }

std::string LogFolder(const UpOptions& options) { return options.state_dir + "/log"; }

std::vector<std::string> CoordinatorCommand(const UpOptions& options, const Endpoints& endpoints) {
  return {options.coordinator_program,
          "--listen",
          endpoints.coordinator,
          "--http",
          endpoints.http,
          "--state-dir",
          options.state_dir,
          "--detect-within",
          options.detect_within};
}

std::vector<std::string> WorkerCommand(const UpOptions& options, const Endpoints& endpoints) {
  return {options.worker_program,
          "--coordinator",
          endpoints.coordinator,
          "--data-dir",
          options.data_dir,
          "--work-dir",
          options.state_dir + "/work",
          "--threads",
          absl::StrCat(options.threads),
          "--device",
          options.device,
          "--http",
          "127.0.0.1:0"};
}

std::vector<std::pair<std::string, std::string>> WorkerEnvironment(const UpOptions& options,
                                                                   int worker) {
  if (worker >= static_cast<int>(options.gpus.size())) return {};
  return {{"CUDA_VISIBLE_DEVICES", options.gpus[worker]}};
}

std::vector<std::string> LocalWorld(const std::string& mpirun, int ranks) {
  // Bound to cores, a rank's compute threads would share one; sigkill_timeout 0: a world with a
  // dead rank ends in milliseconds instead of a second.
  return {mpirun,
          "--allow-run-as-root",
          "--oversubscribe",
          "--bind-to",
          "none",
          "--mca",
          "odls_base_sigkill_timeout",
          "0",
          "--mca",
          "pml",
          "ob1",
          "--mca",
          "btl",
          "self,vader,tcp",
          "--mca",
          "btl_tcp_if_include",
          "lo",
          "-n",
          absl::StrCat(ranks)};
}

std::vector<std::string> WorldCommand(const UpOptions& options, const Endpoints& endpoints) {
  std::vector<std::string> command = LocalWorld(options.mpirun_program, options.workers);
  const std::vector<std::string> worker = WorkerCommand(options, endpoints);
  command.insert(command.end(), worker.begin(), worker.end());
  return command;
}

std::vector<std::string> ForegroundCommand(const UpOptions& options) {
  return {"/proc/self/exe",
          "up",
          "--workers",
          absl::StrCat(options.workers),
          "--state-dir",
          options.state_dir,
          "--data-dir",
          options.data_dir,
          "--port",
          absl::StrCat(options.port),
          "--http-port",
          absl::StrCat(options.http_port),
          "--comm",
          options.comm,
          "--detect-within",
          options.detect_within,
          "--device",
          options.device,
          "--threads",
          absl::StrCat(options.threads),
          "--coordinator-program",
          options.coordinator_program,
          "--worker-program",
          options.worker_program,
          "--mpirun-program",
          options.mpirun_program};
}

}  // namespace hebb::client
