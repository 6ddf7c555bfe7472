// SPDX-License-Identifier: Apache-2.0
// The coordinator, and the workers that are attached to it.
#ifndef HEBB_CLIENT_DOCTOR_SERVICE_H_
#define HEBB_CLIENT_DOCTOR_SERVICE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/doctor/finding.h"
#include "hebb/v1/coordinator.pb.h"
#include "hebb/v1/jobs.pb.h"

namespace hebb::client::doctor {

// `asked`: GetInfo's answer; `address`: the coordinator's; `own_version`: this client's.
Findings JudgeService(const absl::StatusOr<v1::ServiceInfo>& asked, const std::string& address,
                      const std::string& own_version);

// `service`: whose clock the heartbeats are of.
Findings JudgeWorkers(const v1::ListWorkersResponse& answer, const v1::ServiceInfo& service);

}  // namespace hebb::client::doctor

#endif  // HEBB_CLIENT_DOCTOR_SERVICE_H_
