// SPDX-License-Identifier: Apache-2.0
// How the ranks of a new generation come to stand at one step.
#ifndef HEBB_WORKER_TRAIN_STATE_SYNC_H_
#define HEBB_WORKER_TRAIN_STATE_SYNC_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "worker/comm/communicator.h"
#include "worker/train/run_state.h"

namespace hebb::train {

// The state travels in parts of this size at most.
inline constexpr int64_t kStateChunkBytes = int64_t{64} << 20;

// A rank that is `wanted` takes over the state of rank `source`; any other checks that its own is
// the same. Collective. FAILED_PRECONDITION: replicas differ.
absl::Status BroadcastState(comm::Communicator& communicator, int source, bool wanted,
                            RunState& state, absl::Time deadline,
                            int64_t chunk_bytes = kStateChunkBytes);

// All ranks stand at one step, and agree on whether its epoch still has to be reported: it has if
// any rank did not get so far before the last generation broke. Collective.
absl::Status AgreeOnStanding(comm::Communicator& communicator, RunState& state,
                             absl::Time deadline);

}  // namespace hebb::train

#endif  // HEBB_WORKER_TRAIN_STATE_SYNC_H_
