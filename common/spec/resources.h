// SPDX-License-Identifier: Apache-2.0
// The section of a job that says who does the work.
#ifndef HEBB_COMMON_SPEC_RESOURCES_H_
#define HEBB_COMMON_SPEC_RESOURCES_H_

#include <cstdint>
#include <string>

namespace hebb::spec {

enum class Device { kAny, kCpu, kCuda };

// Where SLURM is asked for workers, in its own words, if the coordinator asks it for them
// (docs/slurm.md); "": as the coordinator's configuration says.
struct Slurm {
  std::string partition;
  std::string account;
  std::string time;
  std::string constraint;
  friend bool operator==(const Slurm&, const Slurm&) = default;
};

struct Resources {
  int64_t workers = 1;
  int64_t min_workers = 1;
  Device device = Device::kAny;
  int64_t priority = 0;    // higher first
  double max_runtime = 0;  // seconds; 0 = no limit
  // What a worker's GPU must have free for the job, as written ("8GiB"); "": whatever it has.
  std::string gpu_memory = {};
  Slurm slurm = {};
};

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_RESOURCES_H_
