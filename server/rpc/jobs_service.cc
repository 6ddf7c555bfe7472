// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/jobs_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/status.h"
#include "common/status_macros.h"
#include "server/rpc/authenticator.h"
#include "server/rpc/files.h"
#include "server/rpc/submission.h"
#include "server/rpc/translate.h"

namespace hebb::rpc {
namespace {

constexpr int32_t kMaxPage = 1000;

absl::StatusOr<store::JobStore::Filter> FilterOf(const v1::ListRequest& request) {
  using job::State;
  store::JobStore::Filter filter;
  for (const int state : request.states()) {
    HEBB_ASSIGN_OR_RETURN(const State known, FromProto(static_cast<v1::JobState>(state)));
    filter.states.push_back(known);
  }
  if (filter.states.empty() && !request.all() && !request.archived()) {
    filter.states = {State::kQueued,  State::kStarting, State::kRunning,
                     State::kPausing, State::kPaused,   State::kCancelling};
  }
  filter.user = request.user();
  filter.name = request.name();
  filter.sweep = request.sweep();
  filter.archived = request.archived();
  return filter;
}

}  // namespace

void JobsService::AddPresent(const job::Job& job, v1::Job& proto) const {
  proto.set_unreachable(context_.controller.IsUnreachable(job.id));
  proto.set_reason(context_.controller.ReasonOf(job));
}

absl::Status JobsService::Describe(const job::Job& job, Detail detail, v1::Job& proto) {
  if (detail == Detail::kList) {
    proto = BriefToProto(job);
  } else {
    HEBB_ASSIGN_OR_RETURN(proto, ToProto(job));
  }
  AddPresent(job, proto);
  if (detail == Detail::kList || detail == Detail::kSpec) return absl::OkStatus();
  if (job.state == job::State::kQueued) {
    const auto wait = context_.controller.WaitOf(job.id);
    if (wait.has_value()) *proto.mutable_waiting() = ToProto(*wait);
  }
  HEBB_ASSIGN_OR_RETURN(const auto epochs, context_.jobs.Epochs(job.id));
  for (const job::EpochRecord& record : epochs) *proto.add_epochs() = ToProto(record);
  if (detail == Detail::kWatch) return absl::OkStatus();
  HEBB_ASSIGN_OR_RETURN(const auto events, context_.jobs.Events(job.id));
  *proto.add_events() = ToProto(SubmittedEvent(job));
  for (const job::Event& event : events) *proto.add_events() = ToProto(event);
  return absl::OkStatus();
}

grpc::Status JobsService::Validate(grpc::ServerContext*, const v1::SubmitRequest* request,
                                   v1::ValidateResponse* response) {
  auto validated = rpc::Validate(*request);
  if (!validated.ok()) return ToGrpc(validated.status());
  *response = *std::move(validated);
  return grpc::Status::OK;
}

grpc::Status JobsService::Submit(grpc::ServerContext* call, const v1::SubmitRequest* request,
                                 v1::Job* response) {
  const auto job = rpc::Submit(context_, InTheNameOf(CallerOf(context_.gate, *call), *request));
  if (!job.ok()) return ToGrpc(job.status());
  return ToGrpc(Describe(*job, Detail::kList, *response));
}

grpc::Status JobsService::List(grpc::ServerContext*, const v1::ListRequest* request,
                               v1::ListResponse* response) {
  return ToGrpc(ListPage(*request, *response));
}

absl::Status JobsService::ListPage(const v1::ListRequest& request, v1::ListResponse& response) {
  HEBB_ASSIGN_OR_RETURN(const store::JobStore::Filter filter, FilterOf(request));
  if (request.page_size() < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("page_size is ", request.page_size(), "; ask for 1 to ", kMaxPage, " jobs"));
  }
  store::JobStore::Page page;
  if (request.page_size() > 0) page.size = std::min(request.page_size(), kMaxPage);
  page.token = request.page_token();
  HEBB_ASSIGN_OR_RETURN(const store::JobStore::Listing listing, context_.jobs.List(filter, page));
  for (const job::Job& job : listing.jobs) {
    v1::Job& proto = *response.add_jobs();
    proto = BriefToProto(job);
    AddPresent(job, proto);
  }
  response.set_next_page_token(listing.next);
  for (const auto& [state, count] : listing.counts) {
    v1::StateCount& entry = *response.add_counts();
    entry.set_state(ToProto(state));
    entry.set_jobs(count);
  }
  return absl::OkStatus();
}

grpc::Status JobsService::Get(grpc::ServerContext*, const v1::JobRequest* request,
                              v1::Job* response) {
  const auto job = context_.jobs.Get(request->job());
  if (!job.ok()) return ToGrpc(job.status());
  return ToGrpc(Describe(*job, Detail::kFull, *response));
}

grpc::Status JobsService::Step(const absl::StatusOr<job::Job>& stepped, v1::Job& response) {
  if (!stepped.ok()) return ToGrpc(stepped.status());
  return ToGrpc(Describe(*stepped, Detail::kSpec, response));
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

grpc::Status JobsService::Evaluate(grpc::ServerContext* call, const v1::EvaluateRequest* request,
                                   v1::Job* response) {
  const auto job =
      SubmitEvaluation(context_, InTheNameOf(CallerOf(context_.gate, *call), *request));
  if (!job.ok()) return ToGrpc(job.status());
  return ToGrpc(Describe(*job, Detail::kSpec, *response));
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
