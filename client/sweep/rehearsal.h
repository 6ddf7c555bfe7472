// SPDX-License-Identifier: Apache-2.0
// What `hebb sweep FILE --dry-run` shows of the runs that there would be. Pure.
#ifndef HEBB_CLIENT_SWEEP_REHEARSAL_H_
#define HEBB_CLIENT_SWEEP_REHEARSAL_H_

#include <string>

#include "client/format.h"
#include "hebb/v1/jobs.pb.h"

namespace hebb::client {

// A row for each run: its number from 1 on, the values it takes and its parameters.
// REQUIRES: at least one run, all with the same keys.
Table RehearsedRuns(const v1::ValidateSweepResponse& sweep);

// What the cluster would be handed for a run's workers, each different request once and with the
// numbers of its runs where not all have the same; "" when it is asked for none.
std::string RehearsedLaunches(const v1::ValidateSweepResponse& sweep);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_SWEEP_REHEARSAL_H_
