// SPDX-License-Identifier: Apache-2.0
// The gRPC side of CoordinatorChannel: only for .cc files (grpcpp costs seconds to compile).
#ifndef HEBB_WORKER_RUNTIME_COORDINATOR_GRPC_H_
#define HEBB_WORKER_RUNTIME_COORDINATOR_GRPC_H_

#include <grpcpp/grpcpp.h>

#include <memory>

#include "hebb/v1/workers.grpc.pb.h"
#include "worker/runtime/coordinator_channel.h"

namespace hebb::runtime {

struct CoordinatorChannel::Grpc {
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::Workers::Stub> stub;
};

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_COORDINATOR_GRPC_H_
