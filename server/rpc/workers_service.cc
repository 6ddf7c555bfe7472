// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/workers_service.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/log.h"
#include "common/rpc/status.h"
#include "common/steady_clock.h"
#include "server/rpc/files.h"
#include "server/rpc/translate.h"

namespace hebb::rpc {
namespace {

constexpr absl::Duration kGetKeyMax = absl::Minutes(10);

}  // namespace

grpc::Status WorkersService::SetKey(grpc::ServerContext*, const v1::SetKeyRequest* request,
                                    v1::SetKeyResponse*) {
  return ToGrpc(
      context_.rendezvous.Set(FromProto(request->generation()), request->key(), request->value()));
}

grpc::Status WorkersService::GetKey(grpc::ServerContext* call, const v1::GetKeyRequest* request,
                                    v1::GetKeyResponse* response) {
  const absl::Duration left = absl::FromChrono(call->deadline()) - absl::Now();
  const absl::Time deadline = SteadyNow() + std::min(left, kGetKeyMax);
  const auto value = context_.rendezvous.Get(FromProto(request->generation()), request->key(),
                                             deadline, [call] { return call->IsCancelled(); });
  if (!value.ok()) return ToGrpc(value.status());
  response->set_value(*value);
  return grpc::Status::OK;
}

grpc::Status WorkersService::UploadCheckpoint(grpc::ServerContext*,
                                              grpc::ServerReader<v1::Chunk>* reader,
                                              v1::UploadResponse* response) {
  const auto file =
      ReceiveCheckpoint(context_, [&](v1::Chunk& chunk) { return reader->Read(&chunk); });
  if (!file.ok()) {
    LogWarning(absl::StrCat("checkpoint refused: ", file.status().message()));
    return ToGrpc(file.status());
  }
  response->set_sha256(file->sha256);
  return grpc::Status::OK;
}

grpc::Status WorkersService::Download(grpc::ServerContext*, const v1::DownloadRequest* request,
                                      grpc::ServerWriter<v1::Chunk>* writer) {
  absl::Status status = CheckSha256(request->sha256());
  if (!status.ok()) return ToGrpc(status);
  const auto path = context_.blobs.VerifiedPath(request->sha256());
  if (!path.ok()) return ToGrpc(path.status());
  return ToGrpc(SendFile(*path, [&](const v1::Chunk& chunk) { return writer->Write(chunk); }));
}

}  // namespace hebb::rpc
