// SPDX-License-Identifier: Apache-2.0
// hebb.v1.Queue: who waits for workers, in the order of the scheduler's last decision.
#ifndef HEBB_SERVER_RPC_QUEUE_SERVICE_H_
#define HEBB_SERVER_RPC_QUEUE_SERVICE_H_

#include "hebb/v1/queue.grpc.pb.h"
#include "server/rpc/context.h"

namespace hebb::rpc {

// Thread-safe; borrows what the context names.
class QueueService final : public v1::Queue::Service {
 public:
  explicit QueueService(const Context& context) : context_(context) {}

  // Reads the jobs of the page from the store, however many wait. INVALID_ARGUMENT: a negative
  // number.
  grpc::Status List(grpc::ServerContext* call, const v1::ListQueueRequest* request,
                    v1::ListQueueResponse* response) override;

 private:
  const Context context_;
};

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_QUEUE_SERVICE_H_
