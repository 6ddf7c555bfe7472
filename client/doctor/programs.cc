// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/programs.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/doctor/conformance.h"
#include "client/doctor/program_output.h"
#include "client/local/process.h"
#include "client/local/programs.h"
#include "common/byte_size.h"

namespace hebb::client::doctor {
namespace {

constexpr int kRanks = 2;
constexpr absl::Duration kSelfCheckWithin = absl::Seconds(15);
constexpr absl::Duration kWorldWithin = absl::Seconds(30);
constexpr absl::Duration kVersionWithin = absl::Seconds(10);

Finding JudgeBuild(const Json& json, const std::string& own_version) {
  const std::string build = TextOf(json, "build");
  const std::string found =
      absl::StrCat("hebb-worker ", build, ", kernels ", TextOf(json, "kernel_family"));
  const absl::string_view version = absl::string_view(build).substr(0, build.find('+'));
  if (version == own_version) return Ok("program.worker", found);
  return Warning("program.worker", absl::StrCat(found, ", but this client is ", own_version),
                 "install all programs of one version");
}

// "oneDNN 2.6.3, gloo 0.5"
std::string LibrariesIn(const Json& json) {
  const Json libraries = SectionOf(json, "libraries");
  std::string found;
  for (const auto& [name, version] : libraries.items()) {
    absl::StrAppend(&found, found.empty() ? "" : ", ", name, " ",
                    version.is_string() ? version.get<std::string>() : "");
  }
  return found;
}

Finding JudgeSum(const std::string& check, const std::string& what, const Json& section,
                 const std::string& remedy) {
  const std::string error = section.contains("error") ? TextOf(section, "error") : "no answer";
  if (!error.empty()) return Failed(check, absl::StrCat(what, " failed: ", error), remedy);
  return Ok(check, absl::StrCat(what, " took ", NumberOf(section, "milliseconds"), " ms"));
}

std::vector<WorkerGpu> GpusIn(const Json& section) {
  std::vector<WorkerGpu> gpus;
  const auto devices = section.find("devices");
  if (devices == section.end() || !devices->is_array()) return gpus;
  for (const Json& device : *devices) {
    if (!device.is_object()) continue;
    gpus.push_back({TextOf(device, "name"), TextOf(device, "uuid"),
                    static_cast<int64_t>(NumberOf(device, "memory"))});
  }
  return gpus;
}

Finding JudgeGpu(const Json& json) {
  if (!json.contains("gpu")) {
    return Skipped("program.gpu", "hebb-worker sees no GPU; it computes on the CPU");
  }
  const Json section = SectionOf(json, "gpu");
  if (const std::string error = TextOf(section, "error"); !error.empty()) {
    return Warning("program.gpu", absl::StrCat("hebb-worker can use no GPU: ", error),
                   "install CUDA 13's runtime, cuDNN 9 and NCCL, or name their folders in "
                   "HEBB_CUDA_LIBRARY_PATH; libhebb_cuda.so of the same build (HEBB_WITH_CUDA=ON) "
                   "lies beside hebb-worker or in ../lib");
  }
  std::vector<std::string> found;
  for (const WorkerGpu& gpu : GpusIn(section)) {
    found.push_back(absl::StrCat(gpu.name, " with ", FormatByteSize(gpu.memory)));
  }
  found.push_back(absl::StrCat("kernels ", TextOf(section, "kernel_family")));
  found.push_back(LibrariesIn(section));
  const double free = NumberOf(section, "memory_free");
  found.push_back(absl::StrCat(FormatByteSize(static_cast<int64_t>(free)), " free on the first"));
  return Ok("program.gpu", absl::StrJoin(found, ", "));
}

// What went wrong with a program that should have ended with 0; "" if nothing did.
std::string Trouble(const absl::StatusOr<ProgramEnd>& end) {
  if (!end.ok()) return std::string(end.status().message());
  if (end->exit_code == 0) return "";
  const std::string how =
      end->exit_code < 0 ? "a signal" : absl::StrCat("exit code ", end->exit_code);
  return absl::StrCat("it ended with ", how, ": ", FirstWords(end->output));
}

// As `hebb up --comm mpi` starts it.
std::vector<std::string> WorldOf(const std::string& mpirun, const std::string& worker) {
  std::vector<std::string> command = LocalWorld(mpirun, kRanks);
  command.insert(command.end(), {worker, "--self-check"});
  return command;
}

// "" if there is none.
std::string InPath(const std::string& program) {
  std::string path = FindInPath(program);
  return path == program ? "" : path;
}

Finding CheckMpi(const std::string& mpirun) {
  if (mpirun.empty()) {
    return Skipped("mpi.launcher", "no mpirun in PATH; needed only for `hebb up --comm mpi`");
  }
  const absl::StatusOr<ProgramEnd> end = RunProgram({mpirun, "--version"}, kVersionWithin);
  const std::string trouble = Trouble(end);
  if (!trouble.empty()) {
    return Failed("mpi.launcher", absl::StrCat(mpirun, ": ", trouble), "install MPI anew");
  }
  return Ok("mpi.launcher", absl::StrCat(mpirun, ", ", FirstWords(end->output)));
}

Finding CheckSlurm() {
  const std::string srun = InPath("srun");
  if (srun.empty()) return Skipped("mpi.slurm", "no srun in PATH; needed only under Slurm");
  const absl::StatusOr<ProgramEnd> end = RunProgram({srun, "--mpi=list"}, kVersionWithin);
  if (const std::string trouble = Trouble(end); !trouble.empty()) {
    return Warning("mpi.slurm", absl::StrCat(srun, ": ", trouble), "look at `srun --mpi=list`");
  }
  if (absl::StrContains(end->output, "pmix")) return Ok("mpi.slurm", "srun knows PMIx");
  return Warning("mpi.slurm", "srun does not know PMIx",
                 "install Slurm's PMIx plugin: workers are started with srun --mpi=pmix");
}

}  // namespace

absl::StatusOr<std::vector<WorkerGpu>> GpusOf(const absl::StatusOr<ProgramEnd>& end) {
  if (const std::string trouble = Trouble(end); !trouble.empty()) {
    return absl::FailedPreconditionError(absl::StrCat("hebb-worker --self-check: ", trouble));
  }
  const std::optional<Json> json = JsonOf(end->output);
  const Json section = json ? SectionOf(*json, "gpu") : Json::object();
  if (const std::string error = TextOf(section, "error"); !error.empty()) {
    return absl::FailedPreconditionError(error);
  }
  return GpusIn(section);
}

absl::StatusOr<std::vector<WorkerGpu>> FindGpus(const std::string& worker) {
  return GpusOf(RunProgram({worker, "--self-check"}, kSelfCheckWithin));
}

Findings JudgeSelfCheck(const absl::StatusOr<ProgramEnd>& end, const std::string& own_version) {
  if (const std::string trouble = Trouble(end); !trouble.empty()) {
    return {Failed("program.worker", absl::StrCat("hebb-worker --self-check: ", trouble),
                   "install what it lacks (deploy/local/install-deps.sh) or build it anew")};
  }
  const std::optional<Json> json = JsonOf(end->output);
  if (!json) {
    return {Failed("program.worker",
                   absl::StrCat("hebb-worker --self-check said: ", FirstWords(end->output)),
                   "install all programs of one version")};
  }
  return {JudgeBuild(*json, own_version), Ok("program.libraries", LibrariesIn(*json)),
          JudgeGpu(*json),
          JudgeSum("program.gloo", "a sum of two ranks over gloo", SectionOf(*json, "gloo"),
                   "let TCP connections through on the loopback")};
}

Finding JudgeWorld(const absl::StatusOr<ProgramEnd>& end, int ranks) {
  const char* remedy =
      "run `mpirun -n 2 hebb-worker --self-check` by hand; most often /dev/shm, the host's own "
      "name in /etc/hosts, or a firewall is the cause";
  if (const std::string trouble = Trouble(end); !trouble.empty()) {
    return Failed("mpi.world", absl::StrCat("a world of ", ranks, ": ", trouble), remedy);
  }
  const std::optional<Json> json = JsonOf(end->output);
  const Json section = json ? SectionOf(*json, "mpi_world") : Json::object();
  if (section.empty()) {
    return Failed("mpi.world", "hebb-worker does not see that mpirun has started it",
                  "build it with the MPI whose mpirun is in PATH (-DHEBB_WITH_MPI=ON)");
  }
  if (NumberOf(section, "size") != ranks && TextOf(section, "error").empty()) {
    return Failed("mpi.world", absl::StrCat("the world has ", NumberOf(section, "size"), " ranks"),
                  remedy);
  }
  return JudgeSum("mpi.world", absl::StrCat("a sum over a world of ", ranks), section, remedy);
}

Findings CheckPrograms(const ProgramOptions& options) {
  const std::string worker = options.worker.empty() ? OwnFolder() + "/hebb-worker" : options.worker;
  const bool here = access(worker.c_str(), X_OK) == 0;
  const std::string none = absl::StrCat("there is no ", worker);
  Findings findings;
  if (here) {
    findings =
        JudgeSelfCheck(RunProgram({worker, "--self-check"}, kSelfCheckWithin), options.own_version);
  } else {
    findings = {Skipped("program.worker", absl::StrCat(none, "; needed only where workers run"))};
  }
  const std::string mpirun = InPath("mpirun");
  if (here && options.conformance) {
    for (Finding& finding :
         CheckConformance({worker, mpirun, options.conformance_seed, options.every_case})) {
      findings.push_back(std::move(finding));
    }
  }
  findings.push_back(CheckMpi(mpirun));
  findings.push_back(CheckSlurm());
  if (!options.start_world) {
    findings.push_back(Skipped("mpi.world", "--mpi starts two ranks and adds up"));
  } else if (mpirun.empty() || !here) {
    findings.push_back(Failed("mpi.world", mpirun.empty() ? "there is no mpirun in PATH" : none,
                              "install openmpi-bin and build hebb-worker with MPI"));
  } else {
    findings.push_back(JudgeWorld(RunProgram(WorldOf(mpirun, worker), kWorldWithin), kRanks));
  }
  return findings;
}

}  // namespace hebb::client::doctor
