// SPDX-License-Identifier: Apache-2.0
// hebb.v1.Workers: the workers' streams, their rendezvous and their files. The streams, of which
// there are thousands, hold no thread (gRPC's callbacks: attach.h); each other call has its own.
#ifndef HEBB_SERVER_RPC_WORKERS_SERVICE_H_
#define HEBB_SERVER_RPC_WORKERS_SERVICE_H_

#include "hebb/v1/workers.grpc.pb.h"
#include "server/rpc/attach.h"
#include "server/rpc/context.h"

namespace hebb::rpc {

// Thread-safe; borrows what the context names.
class WorkersService final : public v1::Workers::WithCallbackMethod_Attach<v1::Workers::Service> {
 public:
  explicit WorkersService(const Context& context) : context_(context) {}

  StreamLink::Reactor* Attach(grpc::CallbackServerContext* call) override {
    return ServeAttach(context_, *call);
  }
  grpc::Status SetKey(grpc::ServerContext* call, const v1::SetKeyRequest* request,
                      v1::SetKeyResponse* response) override;
  grpc::Status GetKey(grpc::ServerContext* call, const v1::GetKeyRequest* request,
                      v1::GetKeyResponse* response) override;
  grpc::Status UploadCheckpoint(grpc::ServerContext* call, grpc::ServerReader<v1::Chunk>* reader,
                                v1::UploadResponse* response) override;
  grpc::Status Download(grpc::ServerContext* call, const v1::DownloadRequest* request,
                        grpc::ServerWriter<v1::Chunk>* writer) override;

 private:
  const Context context_;
};

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_WORKERS_SERVICE_H_
