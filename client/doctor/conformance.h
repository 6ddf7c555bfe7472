// SPDX-License-Identifier: Apache-2.0
// `hebb doctor --conformance`: what `hebb-worker --conformance` finds, alone and in MPI worlds.
#ifndef HEBB_CLIENT_DOCTOR_CONFORMANCE_H_
#define HEBB_CLIENT_DOCTOR_CONFORMANCE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/doctor/finding.h"
#include "client/doctor/probe.h"

namespace hebb::client::doctor {

// A finding for each group of comparisons, and one for each that does not conform; with
// `every_case` for all of them.
Findings JudgeConformance(const absl::StatusOr<ProgramEnd>& end, bool every_case);

struct WorldEnd {
  int ranks = 0;
  absl::StatusOr<ProgramEnd> end;
};
// The same of what MPI worlds have printed.
Findings JudgeWorldSums(const std::vector<WorldEnd>& worlds, bool every_case);

struct ConformanceOptions {
  std::string worker;            // path
  std::string mpirun;            // path; "": there is none
  std::optional<uint64_t> seed;  // nothing: hebb-worker draws one
  bool every_case = false;
};

// Runs them. From the main thread only.
Findings CheckConformance(const ConformanceOptions& options);

}  // namespace hebb::client::doctor

#endif  // HEBB_CLIENT_DOCTOR_CONFORMANCE_H_
