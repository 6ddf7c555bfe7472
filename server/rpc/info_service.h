// SPDX-License-Identifier: Apache-2.0
// hebb.v1.Coordinator: what the coordinator says of itself.
#ifndef HEBB_SERVER_RPC_INFO_SERVICE_H_
#define HEBB_SERVER_RPC_INFO_SERVICE_H_

#include "hebb/v1/coordinator.grpc.pb.h"
#include "server/rpc/context.h"

namespace hebb::rpc {

// Thread-safe; borrows what the context names.
class InfoService final : public v1::Coordinator::Service {
 public:
  explicit InfoService(const Context& context) : context_(context) {}

  // Looks at the clock and at the disk of the state folder (0 bytes if that can't be read).
  grpc::Status GetInfo(grpc::ServerContext* call, const v1::GetInfoRequest* request,
                       v1::ServiceInfo* response) override;

 private:
  const Context context_;
};

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_INFO_SERVICE_H_
