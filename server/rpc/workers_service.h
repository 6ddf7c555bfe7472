// SPDX-License-Identifier: Apache-2.0
// hebb.v1.Workers: the workers' streams, their rendezvous and their files. An attached worker
// holds two threads: one reads its stream, one writes it (gRPC's synchronous server), which is
// simple and plenty for some hundred workers.
#ifndef HEBB_SERVER_RPC_WORKERS_SERVICE_H_
#define HEBB_SERVER_RPC_WORKERS_SERVICE_H_

#include <string>

#include "hebb/v1/workers.grpc.pb.h"
#include "server/rpc/context.h"

namespace hebb::rpc {

// Thread-safe; borrows what the context names.
class WorkersService final : public v1::Workers::Service {
 public:
  explicit WorkersService(const Context& context) : context_(context) {}

  grpc::Status Attach(grpc::ServerContext* call,
                      grpc::ServerReaderWriter<v1::ToWorker, v1::FromWorker>* stream) override;
  grpc::Status SetKey(grpc::ServerContext* call, const v1::SetKeyRequest* request,
                      v1::SetKeyResponse* response) override;
  grpc::Status GetKey(grpc::ServerContext* call, const v1::GetKeyRequest* request,
                      v1::GetKeyResponse* response) override;
  grpc::Status UploadCheckpoint(grpc::ServerContext* call, grpc::ServerReader<v1::Chunk>* reader,
                                v1::UploadResponse* response) override;
  grpc::Status Download(grpc::ServerContext* call, const v1::DownloadRequest* request,
                        grpc::ServerWriter<v1::Chunk>* writer) override;

 private:
  void ReadStream(control::Session session,
                  grpc::ServerReaderWriter<v1::ToWorker, v1::FromWorker>& stream);
  void KeepLog(const v1::LogBatch& batch);

  const Context context_;
};

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_WORKERS_SERVICE_H_
