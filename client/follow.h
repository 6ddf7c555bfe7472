// SPDX-License-Identifier: Apache-2.0
// Staying with a job until it ends: through updates, a coordinator that restarts, and Ctrl-C.
#ifndef HEBB_CLIENT_FOLLOW_H_
#define HEBB_CLIENT_FOLLOW_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/session.h"

namespace hebb::client {

struct FollowOptions {
  bool progress = true;  // draw on session.err
  absl::Duration timeout = absl::InfiniteDuration();
  absl::Duration away = absl::Minutes(5);  // how long the coordinator may be out of reach
};

// The job in its terminal state. DEADLINE_EXCEEDED: the timeout; UNAVAILABLE: the coordinator
// stayed away; CANCELLED: Ctrl-C (after Session::CatchInterrupt), the message says how to come
// back; NOT_FOUND.
absl::StatusOr<v1::Job> FollowJob(Session& session, const std::string& job,
                                  const FollowOptions& options);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_FOLLOW_H_
