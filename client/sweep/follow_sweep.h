// SPDX-License-Identifier: Apache-2.0
// Staying with a sweep until all its jobs have ended.
#ifndef HEBB_CLIENT_SWEEP_FOLLOW_SWEEP_H_
#define HEBB_CLIENT_SWEEP_FOLLOW_SWEEP_H_

#include <string>

#include "absl/status/statusor.h"
#include "client/session.h"

namespace hebb::client {

// "9 runs: 1 RUNNING, 8 SUCCEEDED"
std::string CountsText(const v1::Sweep& sweep);

// The sweep, without runs, in its terminal state; says on session.err what has changed.
// UNAVAILABLE: the coordinator stayed away for five minutes; CANCELLED: Ctrl-C (after
// Session::CatchInterrupt), the message says how to come back; NOT_FOUND.
absl::StatusOr<v1::Sweep> FollowSweep(Session& session, const std::string& sweep);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_SWEEP_FOLLOW_SWEEP_H_
