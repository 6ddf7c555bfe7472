// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/machine.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/doctor/probe.h"

namespace hebb::client::doctor {
namespace {

constexpr int64_t kOpenFilesLeast = 1024;
constexpr int64_t kOpenFilesMost = 1 << 20;  // what the kernel gives anybody; also "unlimited"
constexpr int64_t kOpenFilesOwn = 100;       // a coordinator's database, logs and listeners

int Cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

// The quota of this process's group and of those above it: the least counts.
double LeastQuota(const std::string& root) {
  std::ifstream groups(root + "/proc/self/cgroup");
  std::string group;
  for (std::string line; std::getline(groups, line);) {
    if (absl::StartsWith(line, "0::")) group = line.substr(3);
  }
  double least = 0;
  std::filesystem::path path = group;
  while (!path.empty()) {
    const std::string file = root + "/sys/fs/cgroup" + path.string() + "/cpu.max";
    const double quota = QuotaOf(FirstLine(file));
    if (quota > 0 && (least == 0 || quota < least)) least = quota;
    if (path == path.parent_path()) break;
    path = path.parent_path();
  }
  return least;
}

void LookForGpus(const std::string& root, MachineFacts& facts) {
  const std::string version = FirstLine(root + "/proc/driver/nvidia/version");
  if (!version.empty()) facts.gpu_driver = version;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(root + "/dev", error)) {
    const std::string name = entry.path().filename().string();
    int number = 0;
    if (absl::StartsWith(name, "nvidia") && absl::SimpleAtoi(name.substr(6), &number)) {
      facts.gpus.push_back(name);
    }
  }
  std::sort(facts.gpus.begin(), facts.gpus.end());
}

Finding JudgeProcessors(const MachineFacts& facts) {
  const std::string cores = absl::StrCat(facts.cores, facts.cores == 1 ? " core" : " cores");
  if (facts.processor_quota == 0) return Ok("machine.processors", cores);
  const std::string found =
      absl::StrCat(cores, " are seen, but the control group's quota is ", facts.processor_quota);
  if (facts.processor_quota >= facts.cores) return Ok("machine.processors", found);
  const int threads = std::max(1, static_cast<int>(facts.processor_quota));
  return Warning("machine.processors", found,
                 absl::StrCat("start workers with --threads ", threads,
                              " in all, or raise the quota: more threads are only stopped"));
}

Finding JudgeOpenFiles(const MachineFacts& facts) {
  const int64_t workers = std::max<int64_t>(0, facts.open_files - kOpenFilesOwn);
  const std::string found = absl::StrCat("up to ", facts.open_files, " at once: enough for about ",
                                         workers, " workers and watchers of a coordinator");
  if (facts.open_files >= kOpenFilesLeast) return Ok("machine.open_files", found);
  return Warning("machine.open_files", found,
                 "raise the hard limit (`ulimit -Hn` as root, or LimitNOFILE= of the service)");
}

Finding JudgeGpus(const MachineFacts& facts) {
  if (facts.gpu_driver.empty() && facts.gpus.empty()) {
    return Ok("machine.gpu", "none; jobs of device cuda would wait");
  }
  if (facts.gpu_driver.empty()) {
    return Warning(
        "machine.gpu",
        absl::StrCat(absl::StrJoin(facts.gpus, ", "), ", but no NVIDIA driver is loaded"),
        "load the driver (modprobe nvidia), or start the container with its runtime");
  }
  if (facts.gpus.empty()) {
    return Warning("machine.gpu", absl::StrCat("a driver, but no device: ", facts.gpu_driver),
                   "give the container its devices (--gpus all), or look at `nvidia-smi`");
  }
  return Ok("machine.gpu", absl::StrCat(absl::StrJoin(facts.gpus, ", "), ", ", facts.gpu_driver));
}

}  // namespace

double QuotaOf(absl::string_view cpu_max) {
  const std::vector<absl::string_view> words = absl::StrSplit(cpu_max, ' ');
  double quota = 0;
  double period = 0;
  if (words.size() != 2 || !absl::SimpleAtod(words[0], &quota) ||
      !absl::SimpleAtod(words[1], &period) || period <= 0) {
    return 0;
  }
  return quota / period;
}

MachineFacts LookAtMachine(const std::string& root) {
  MachineFacts facts;
  facts.cores = Cores();
  facts.processor_quota = LeastQuota(root);
  rlimit files = {};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    facts.open_files = static_cast<int64_t>(std::min<rlim_t>(files.rlim_max, kOpenFilesMost));
  }
  LookForGpus(root, facts);
  return facts;
}

Findings JudgeMachine(const MachineFacts& facts) {
  return {JudgeProcessors(facts), JudgeOpenFiles(facts), JudgeGpus(facts)};
}

Finding JudgeEnvironment(const std::function<std::string(const char*)>& get) {
  std::vector<std::string> set;
  // What bounds oneDNN's instructions makes another kernel family of this machine.
  for (const char* name : {"ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ONEDNN_VERBOSE",
                           "DNNL_VERBOSE", "ONEDNN_JIT_DUMP", "LD_PRELOAD"}) {
    if (const std::string value = get(name); !value.empty() && value != "0") {
      set.push_back(absl::StrCat(name, "=", value));
    }
  }
  if (set.empty()) return Ok("machine.environment", "nothing that changes what libraries compute");
  return Warning("machine.environment", absl::StrJoin(set, ", "),
                 "unset it before starting workers: it makes them slow, or of another kernel "
                 "family than the rest, with which they form no gang");
}

}  // namespace hebb::client::doctor
