// SPDX-License-Identifier: Apache-2.0
// What `hebb-worker --conformance` has compared, a finding each.
#ifndef HEBB_CLIENT_DOCTOR_CONFORMANCE_H_
#define HEBB_CLIENT_DOCTOR_CONFORMANCE_H_

#include <string>

#include "absl/status/statusor.h"
#include "client/doctor/finding.h"
#include "client/doctor/probe.h"

namespace hebb::client::doctor {

Findings JudgeConformance(const absl::StatusOr<ProgramEnd>& end);

// Runs it; takes up to some minutes. `worker`: path. From the main thread only.
Findings CheckConformance(const std::string& worker);

}  // namespace hebb::client::doctor

#endif  // HEBB_CLIENT_DOCTOR_CONFORMANCE_H_
