// SPDX-License-Identifier: Apache-2.0
// The programs and libraries of this machine: hebb-worker beside us, what it links, MPI.
#ifndef HEBB_CLIENT_DOCTOR_PROGRAMS_H_
#define HEBB_CLIENT_DOCTOR_PROGRAMS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/doctor/finding.h"
#include "client/doctor/probe.h"

namespace hebb::client::doctor {

// A GPU on which hebb-worker can compute.
struct WorkerGpu {
  std::string name;
  std::string uuid;
  int64_t memory = 0;  // bytes
};

// Those that `hebb-worker --self-check` has found; none where there is none. FAILED_PRECONDITION:
// there is one, and why it is of no use.
absl::StatusOr<std::vector<WorkerGpu>> GpusOf(const absl::StatusOr<ProgramEnd>& end);
// Asks the program. From the main thread only.
absl::StatusOr<std::vector<WorkerGpu>> FindGpus(const std::string& worker);

// What `hebb-worker --self-check` has printed. `own_version`: this client's.
Findings JudgeSelfCheck(const absl::StatusOr<ProgramEnd>& end, const std::string& own_version);
Finding JudgeWorld(const absl::StatusOr<ProgramEnd>& end, int ranks);

struct ProgramOptions {
  std::string worker;  // path; "": hebb-worker beside this program
  std::string own_version;
  bool start_world = false;  // start two ranks under mpirun
  bool conformance = false;  // compare steps and sums with what they should be
  std::optional<uint64_t> conformance_seed;
  bool every_case = false;  // a finding for each of these comparisons
};

Findings CheckPrograms(const ProgramOptions& options);

}  // namespace hebb::client::doctor

#endif  // HEBB_CLIENT_DOCTOR_PROGRAMS_H_
