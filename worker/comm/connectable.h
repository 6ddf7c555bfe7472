// SPDX-License-Identifier: Apache-2.0
// A communicator in two steps: made first, connected second, so that the thread that hears "leave
// the gang" can break off a gang that is still forming.
#ifndef HEBB_WORKER_COMM_CONNECTABLE_H_
#define HEBB_WORKER_COMM_CONNECTABLE_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "worker/comm/communicator.h"

namespace hebb::comm {

// Thread-safety as Communicator; Connect counts as an operation, so Abort may be called from any
// thread before, while and after it runs. Operations before a successful Connect return
// FAILED_PRECONDITION.
class ConnectableCommunicator : public Communicator {
 public:
  // Once. Returns when this rank can reach all others. After an error destroy the object.
  // Errors: as the operations; also the rendezvous's own.
  virtual absl::Status Connect(absl::Time deadline) = 0;
};

}  // namespace hebb::comm

#endif  // HEBB_WORKER_COMM_CONNECTABLE_H_
