// SPDX-License-Identifier: Apache-2.0
// The sweeps of JobsService.
#include <algorithm>
#include <utility>

#include "common/rpc/status.h"
#include "common/status_macros.h"
#include "common/sweep/sweep_file.h"
#include "server/control/sweep_pilot.h"
#include "server/rpc/authenticator.h"
#include "server/rpc/jobs_service.h"
#include "server/rpc/sweep_groups.h"
#include "server/rpc/sweeps.h"
#include "server/rpc/translate.h"

namespace hebb::rpc {
namespace {

const char* MethodOf(const sweep::SweepFile& file) {
  if (file.halving) return "successive_halving";
  const auto drawn = [](const sweep::Axis& axis) { return axis.drawn; };
  return std::any_of(file.axes.begin(), file.axes.end(), drawn) ? "random" : "grid";
}

// How many rungs it has reached.
int RungOf(const sweep::Halving& halving, int64_t epoch) {
  return static_cast<int>(std::upper_bound(halving.epochs.begin(), halving.epochs.end(), epoch) -
                          halving.epochs.begin());
}

}  // namespace

absl::Status JobsService::DescribeSweep(const job::Sweep& sweep, bool brief, v1::Sweep& proto) {
  HEBB_ASSIGN_OR_RETURN(const auto jobs, context_.jobs.SweepJobs(sweep.id));
  job::StateCounts counts;
  job::StateCounts judged;  // what halving stopped is neither a success nor a failure
  for (const job::Job& job : jobs) {
    ++counts[job.state];
    if (!control::IsStoppedEarly(job)) ++judged[job.state];
  }
  proto = ToProto(sweep, counts);
  proto.set_state(ToProto(job::SweepState(judged)));
  const auto file = sweep::ReadSweepFile(sweep.yaml, sweep.file_name, sweep.sets);
  if (file.ok()) proto.set_method(MethodOf(*file));
  if (brief) return absl::OkStatus();
  proto.set_yaml(sweep.yaml);
  for (const job::Job& job : jobs) {
    v1::SweepRun& run = *proto.add_runs();
    run = RunToProto(job);
    run.set_unreachable(context_.controller.IsUnreachable(job.id));
    run.set_reason(context_.controller.ReasonOf(job));
    run.set_stopped_early(control::IsStoppedEarly(job));
    if (file.ok() && file->halving) run.set_rung(RungOf(*file->halving, job.epoch));
  }
  GroupRuns(proto);
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
  for (const auto& [sweep, counts] : *sweeps) {
    v1::Sweep& proto = *response->add_sweeps();
    proto = ToProto(sweep, counts);
    const auto file = sweep::ReadSweepFile(sweep.yaml, sweep.file_name, sweep.sets);
    if (file.ok()) proto.set_method(MethodOf(*file));
    if (!file.ok() || !file->halving || !counts.contains(job::State::kCancelled)) continue;
    const absl::Status status = DescribeSweep(sweep, /*brief=*/true, proto);
    if (!status.ok()) return ToGrpc(status);
  }
  return grpc::Status::OK;
}

grpc::Status JobsService::CancelSweep(grpc::ServerContext* call, const v1::SweepRequest* request,
                                      v1::Sweep* response) {
  const auto sweep = rpc::CancelSweep(context_, CallerOf(context_.gate, *call), request->sweep());
  if (!sweep.ok()) return ToGrpc(sweep.status());
  return ToGrpc(DescribeSweep(*sweep, request->brief(), *response));
}

grpc::Status JobsService::ValidateSweep(grpc::ServerContext*, const v1::SubmitRequest* request,
                                        v1::ValidateSweepResponse* response) {
  auto validated = rpc::ValidateSweep(context_, *request);
  if (!validated.ok()) return ToGrpc(validated.status());
  *response = *std::move(validated);
  return grpc::Status::OK;
}

}  // namespace hebb::rpc
