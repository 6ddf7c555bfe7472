// SPDX-License-Identifier: Apache-2.0
// Ranks with a GPU each, over NCCL. What NCCL does not bring is here, on the host, and is tested
// there: deadlines, abort, one first error, matching by tag, and messages in the host's memory.
#ifndef HEBB_WORKER_GPU_NCCL_COMMUNICATOR_H_
#define HEBB_WORKER_GPU_NCCL_COMMUNICATOR_H_

#include <memory>
#include <string>

#include "worker/comm/connectable.h"
#include "worker/comm/rendezvous.h"
#include "worker/gpu/plugin.h"

namespace hebb::gpu {

struct NcclOptions {
  int device = 0;          // as Plugin::Devices numbers it
  std::string generation;  // "JOB/ATTEMPT/GENERATION": the same on all members, never again
};

// `plugin` is borrowed, `rendezvous` until Connect has returned; a Get of it that blocks is asked
// again every 100 ms, so that Abort and the deadline end a Connect soon.
//
// Exchange, AllReduce and Broadcast take vectors in the device's memory, which must be written
// already (VectorMemory::Settle), and in the host's. Those go through a buffer on the device that
// grows to the largest operation: for the control plane, not for speed. AllGather takes the host's
// only.
//
// NCCL sees the loss of a peer on some ways between GPUs, not on all. Where it does, the survivors
// get UNAVAILABLE; else they wait for Abort (the coordinator's word) or the deadline. Errors of
// this rank's device are passed on: INTERNAL, RESOURCE_EXHAUSTED.
//
// A gang of one needs no NCCL and asks the plugin for nothing.
std::unique_ptr<comm::ConnectableCommunicator> MakeNcclCommunicator(const NcclOptions& options,
                                                                    comm::Topology topology,
                                                                    comm::Rendezvous& rendezvous,
                                                                    Plugin& plugin);

}  // namespace hebb::gpu

#endif  // HEBB_WORKER_GPU_NCCL_COMMUNICATOR_H_
