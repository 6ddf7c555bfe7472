// SPDX-License-Identifier: Apache-2.0
// The programs and libraries of this machine: hebb-worker beside us, what it links, MPI.
#ifndef HEBB_CLIENT_DOCTOR_PROGRAMS_H_
#define HEBB_CLIENT_DOCTOR_PROGRAMS_H_

#include <string>

#include "absl/status/statusor.h"
#include "client/doctor/finding.h"
#include "client/doctor/probe.h"

namespace hebb::client::doctor {

// What `hebb-worker --self-check` has printed. `own_version`: this client's.
Findings JudgeSelfCheck(const absl::StatusOr<ProgramEnd>& end, const std::string& own_version);
Finding JudgeWorld(const absl::StatusOr<ProgramEnd>& end, int ranks);

struct ProgramOptions {
  std::string worker;  // path; "": hebb-worker beside this program
  std::string own_version;
  bool start_world = false;  // start two ranks under mpirun
};

Findings CheckPrograms(const ProgramOptions& options);

}  // namespace hebb::client::doctor

#endif  // HEBB_CLIENT_DOCTOR_PROGRAMS_H_
