// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/workers_service.h"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/rpc/protocol.h"
#include "common/rpc/status.h"
#include "server/rpc/files.h"
#include "server/rpc/stream_link.h"
#include "server/rpc/translate.h"

namespace hebb::rpc {
namespace {

constexpr size_t kLogLineMax = 16 << 10;
constexpr absl::Duration kGetKeyMax = absl::Minutes(10);

using Stream = grpc::ServerReaderWriter<v1::ToWorker, v1::FromWorker>;

// Why a worker may not attach; empty when it may.
std::string WhyRefused(const v1::FromWorker& first) {
  if (!first.has_hello()) return "the first message of a worker's stream must be its hello";
  const v1::Hello& hello = first.hello();
  if (hello.protocol() != kProtocolVersion) {
    return absl::StrCat("worker ", hello.worker().id(), " (build ", hello.worker().build(),
                        ") speaks protocol ", hello.protocol(), ", this coordinator ",
                        kProtocolVersion, "; install the same version of Hebb on both");
  }
  if (hello.worker().id().empty()) return "a worker needs an id";
  return "";
}

absl::Time TimeOf(const google::protobuf::Timestamp& stamp) {
  return absl::FromUnixSeconds(stamp.seconds()) + absl::Nanoseconds(stamp.nanos());
}

}  // namespace

grpc::Status WorkersService::Attach(grpc::ServerContext* call, Stream* stream) {
  v1::FromWorker first;
  if (!stream->Read(&first)) return grpc::Status::OK;
  const std::string refused = WhyRefused(first);
  if (!refused.empty()) {
    LogWarning(refused);
    v1::ToWorker message;
    message.mutable_refused()->set_reason(refused);
    stream->Write(message);
    return ToGrpc(absl::FailedPreconditionError(refused));
  }
  // Shared with the control loop, which may still hold it after this call has ended.
  const auto link = std::make_shared<StreamLink>();
  const control::Session session = context_.controller.Attach(FromProto(first.hello()), link);
  std::thread writer([&] {
    v1::ToWorker message;
    bool alive = true;
    while (link->Take(message)) alive = alive && stream->Write(message);
    call->TryCancel();  // wakes the reader, where it was not the one to end
  });
  ReadStream(session, *stream);
  context_.controller.Detach(session);
  link->Close();
  writer.join();
  return grpc::Status::OK;
}

void WorkersService::ReadStream(control::Session session, Stream& stream) {
  v1::FromWorker message;
  while (stream.Read(&message)) {
    if (message.has_log()) {
      KeepLog(message.log());
    } else if (auto word = FromProto(message)) {
      if (!context_.controller.Receive(session, *std::move(word))) return;
    }
  }
}

void WorkersService::KeepLog(const v1::LogBatch& batch) {
  const std::string& id = batch.generation().job();
  const auto job = context_.jobs.Get(id);
  if (!job.ok() || job->id != id) return;  // the log of a job that nobody knows
  std::vector<store::LogEntry> entries;
  for (const v1::LogLine& line : batch.lines()) {
    entries.push_back({TimeOf(line.time()), batch.generation().attempt(), batch.rank(),
                       line.text().substr(0, kLogLineMax)});
  }
  const absl::Status status = context_.logs.Append(id, entries);
  if (!status.ok()) LogError(status.message(), {{"job", id}});
  context_.feed.Bump(id);
}

grpc::Status WorkersService::SetKey(grpc::ServerContext*, const v1::SetKeyRequest* request,
                                    v1::SetKeyResponse*) {
  return ToGrpc(
      context_.rendezvous.Set(FromProto(request->generation()), request->key(), request->value()));
}

grpc::Status WorkersService::GetKey(grpc::ServerContext* call, const v1::GetKeyRequest* request,
                                    v1::GetKeyResponse* response) {
  const absl::Time deadline =
      std::min(absl::FromChrono(call->deadline()), absl::Now() + kGetKeyMax);
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
