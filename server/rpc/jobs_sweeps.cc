// SPDX-License-Identifier: Apache-2.0
// The sweeps of JobsService.
#include "common/rpc/status.h"
#include "common/status_macros.h"
#include "server/rpc/authenticator.h"
#include "server/rpc/jobs_service.h"
#include "server/rpc/sweeps.h"
#include "server/rpc/translate.h"

namespace hebb::rpc {

absl::Status JobsService::DescribeSweep(const job::Sweep& sweep, bool brief, v1::Sweep& proto) {
  HEBB_ASSIGN_OR_RETURN(const auto jobs, context_.jobs.SweepJobs(sweep.id));
  job::StateCounts counts;
  for (const job::Job& job : jobs) ++counts[job.state];
  proto = ToProto(sweep, counts);
  if (brief) return absl::OkStatus();
  proto.set_yaml(sweep.yaml);
  for (const job::Job& job : jobs) {
    v1::SweepRun& run = *proto.add_runs();
    run = RunToProto(job);
    run.set_unreachable(context_.controller.IsUnreachable(job.id));
    run.set_reason(context_.controller.ReasonOf(job));
  }
  return absl::OkStatus();
}

grpc::Status JobsService::SubmitSweep(grpc::ServerContext* call, const v1::SubmitRequest* request,
                                      v1::Sweep* response) {
  const auto sweep =
      rpc::SubmitSweep(context_, InTheNameOf(CallerOf(context_.gate, *call), *request));
  if (!sweep.ok()) return ToGrpc(sweep.status());
  return ToGrpc(DescribeSweep(*sweep, /*brief=*/false, *response));
}

grpc::Status JobsService::GetSweep(grpc::ServerContext*, const v1::SweepRequest* request,
                                   v1::Sweep* response) {
  const auto sweep = context_.jobs.GetSweep(request->sweep());
  if (!sweep.ok()) return ToGrpc(sweep.status());
  return ToGrpc(DescribeSweep(*sweep, request->brief(), *response));
}

grpc::Status JobsService::ListSweeps(grpc::ServerContext*, const v1::ListSweepsRequest*,
                                     v1::ListSweepsResponse* response) {
  const auto sweeps = context_.jobs.ListSweeps();
  if (!sweeps.ok()) return ToGrpc(sweeps.status());
  for (const auto& [sweep, counts] : *sweeps) *response->add_sweeps() = ToProto(sweep, counts);
  return grpc::Status::OK;
}

grpc::Status JobsService::CancelSweep(grpc::ServerContext* call, const v1::SweepRequest* request,
                                      v1::Sweep* response) {
  const auto sweep = rpc::CancelSweep(context_, CallerOf(context_.gate, *call), request->sweep());
  if (!sweep.ok()) return ToGrpc(sweep.status());
  return ToGrpc(DescribeSweep(*sweep, request->brief(), *response));
}

}  // namespace hebb::rpc
