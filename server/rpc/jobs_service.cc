// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/jobs_service.h"

#include <utility>

#include "common/rpc/status.h"
#include "common/status_macros.h"
#include "server/rpc/authenticator.h"
#include "server/rpc/describe.h"
#include "server/rpc/files.h"
#include "server/rpc/submission.h"
#include "server/rpc/translate.h"

namespace hebb::rpc {
grpc::Status JobsService::Validate(grpc::ServerContext*, const v1::SubmitRequest* request,
                                   v1::ValidateResponse* response) {
  auto validated = rpc::Validate(context_, *request);
  if (!validated.ok()) return ToGrpc(validated.status());
  *response = *std::move(validated);
  return grpc::Status::OK;
}

grpc::Status JobsService::Submit(grpc::ServerContext* call, const v1::SubmitRequest* request,
                                 v1::Job* response) {
  const auto job = rpc::Submit(context_, InTheNameOf(CallerOf(context_.gate, *call), *request));
  if (!job.ok()) return ToGrpc(job.status());
  return ToGrpc(Describe(context_, *job, Detail::kList, *response));
}

grpc::Status JobsService::List(grpc::ServerContext*, const v1::ListRequest* request,
                               v1::ListResponse* response) {
  return ToGrpc(ListPage(context_, *request, *response));
}

grpc::Status JobsService::Get(grpc::ServerContext*, const v1::JobRequest* request,
                              v1::Job* response) {
  const auto job = context_.jobs.Get(request->job());
  if (!job.ok()) return ToGrpc(job.status());
  return ToGrpc(Describe(context_, *job, Detail::kFull, *response));
}

grpc::Status JobsService::Step(const absl::StatusOr<job::Job>& stepped, v1::Job& response) {
  if (!stepped.ok()) return ToGrpc(stepped.status());
  return ToGrpc(Describe(context_, *stepped, Detail::kSpec, response));
}

grpc::Status JobsService::Cancel(grpc::ServerContext* call, const v1::JobRequest* request,
                                 v1::Job* response) {
  return Step(rpc::Cancel(context_, CallerOf(context_.gate, *call), request->job()), *response);
}

grpc::Status JobsService::Pause(grpc::ServerContext* call, const v1::JobRequest* request,
                                v1::Job* response) {
  return Step(rpc::Pause(context_, CallerOf(context_.gate, *call), request->job()), *response);
}

grpc::Status JobsService::Resume(grpc::ServerContext* call, const v1::JobRequest* request,
                                 v1::Job* response) {
  return Step(rpc::Resume(context_, CallerOf(context_.gate, *call), request->job()), *response);
}

grpc::Status JobsService::Archive(grpc::ServerContext* call, const v1::ArchiveRequest* request,
                                  v1::Job* response) {
  return Step(
      rpc::Archive(context_, CallerOf(context_.gate, *call), request->job(), request->undo()),
      *response);
}

grpc::Status JobsService::Evaluate(grpc::ServerContext* call, const v1::EvaluateRequest* request,
                                   v1::Job* response) {
  const auto job =
      SubmitEvaluation(context_, InTheNameOf(CallerOf(context_.gate, *call), *request));
  if (!job.ok()) return ToGrpc(job.status());
  return ToGrpc(Describe(context_, *job, Detail::kSpec, *response));
}

grpc::Status JobsService::DownloadCheckpoint(grpc::ServerContext*, const v1::JobRequest* request,
                                             grpc::ServerWriter<v1::Chunk>* writer) {
  const auto job = context_.jobs.Get(request->job());
  if (!job.ok()) return ToGrpc(job.status());
  const auto checkpoint = context_.checkpoints.NewestIntact(job->id);
  if (!checkpoint.ok()) return ToGrpc(checkpoint.status());
  v1::CheckpointId id;
  id.set_job(job->id);
  id.set_step(checkpoint->file.step);
  id.set_weights_digest(checkpoint->file.weights_digest);
  return ToGrpc(SendFile(checkpoint->path, [&](const v1::Chunk& chunk) {
    if (chunk.offset() > 0) return writer->Write(chunk);
    v1::Chunk first = chunk;
    *first.mutable_checkpoint() = id;
    return writer->Write(first);
  }));
}

grpc::Status JobsService::UploadWeights(grpc::ServerContext*, grpc::ServerReader<v1::Chunk>* reader,
                                        v1::UploadResponse* response) {
  v1::Chunk chunk;
  if (!reader->Read(&chunk)) return ToGrpc(absl::InvalidArgumentError("no chunk came"));
  const absl::Status room =
      context_.blobs.CheckRoom(chunk.total_bytes(), context_.limits.free_disk_min);
  if (!room.ok()) return ToGrpc(room);
  const auto file =
      ReceiveFile(context_.blobs, chunk, [&](v1::Chunk& next) { return reader->Read(&next); });
  if (!file.ok()) return ToGrpc(file.status());
  response->set_sha256(file->sha256);
  return grpc::Status::OK;
}

grpc::Status JobsService::ListWorkers(grpc::ServerContext*, const v1::ListWorkersRequest*,
                                      v1::ListWorkersResponse* response) {
  for (const control::WorkerView& view : context_.controller.Fleet().workers) {
    *response->add_workers() = ToProto(view);
  }
  return grpc::Status::OK;
}

grpc::Status JobsService::ListAuditEvents(grpc::ServerContext*,
                                          const v1::ListAuditEventsRequest* request,
                                          v1::ListAuditEventsResponse* response) {
  return ToGrpc(context_.audit.Recent(*request, *response));
}

grpc::Status JobsService::Drain(grpc::ServerContext*, const v1::DrainRequest* request,
                                v1::Worker* response) {
  const auto drained = context_.controller.Drain(request->worker(), request->undo());
  if (!drained.ok()) return ToGrpc(drained.status());
  *response = ToProto(*drained);
  return grpc::Status::OK;
}

}  // namespace hebb::rpc
