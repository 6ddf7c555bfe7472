// SPDX-License-Identifier: Apache-2.0
// This machine: its limits of processors and files, its environment, its GPUs.
#ifndef HEBB_CLIENT_DOCTOR_MACHINE_H_
#define HEBB_CLIENT_DOCTOR_MACHINE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "client/doctor/finding.h"

namespace hebb::client::doctor {

struct MachineFacts {
  int cores = 0;               // that this process may run on
  double processor_quota = 0;  // of its control group, in cores; 0: none
  int64_t open_files = 0;      // the hard limit, to which a coordinator raises its own
  std::string gpu_driver;      // nvidia's version; "": none
  std::vector<std::string> gpus;
};

// `root`: "/", or a test's own tree of /proc, /sys and /dev.
MachineFacts LookAtMachine(const std::string& root);

// A control group's "cpu.max": cores, 0 for none.
double QuotaOf(absl::string_view cpu_max);

Findings JudgeMachine(const MachineFacts& facts);

// Variables that change what the libraries compute or how fast. `get`: "" for one that is not set.
Finding JudgeEnvironment(const std::function<std::string(const char*)>& get);

}  // namespace hebb::client::doctor

#endif  // HEBB_CLIENT_DOCTOR_MACHINE_H_
