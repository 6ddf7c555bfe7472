// SPDX-License-Identifier: Apache-2.0
// Ranks as threads of one process: for tests, and for the gang of one.
#ifndef HEBB_WORKER_COMM_LOCAL_COMMUNICATOR_H_
#define HEBB_WORKER_COMM_LOCAL_COMMUNICATOR_H_

#include <memory>
#include <vector>

#include "worker/comm/communicator.h"

namespace hebb::comm {

// The ranks of one gang, rank 0 first; each may go to a thread of its own and be destroyed there. A
// rank that failed or was destroyed is UNAVAILABLE to those that wait for it.
std::vector<std::unique_ptr<Communicator>> MakeLocalGang(int size);

}  // namespace hebb::comm

#endif  // HEBB_WORKER_COMM_LOCAL_COMMUNICATOR_H_
