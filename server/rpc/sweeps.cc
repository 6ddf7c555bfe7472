// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/sweeps.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status_macros.h"
#include "common/sweep/grid.h"
#include "server/rpc/authenticator.h"
#include "server/rpc/submission.h"

namespace hebb::rpc {
namespace {

constexpr int kIdTries = 10;

// The jobs without their ids.
absl::StatusOr<std::vector<job::Job>> MakeJobs(const Context& context,
                                               const v1::SubmitRequest& request,
                                               sweep::Sweep& parsed, absl::Time now) {
  // The start weights are no grid key, so the file is looked at once.
  HEBB_RETURN_IF_ERROR(TakeInit(context, request, parsed.runs.front().job));
  const spec::Init init = parsed.runs.front().job.init;
  std::vector<job::Job> jobs;
  for (sweep::Run& run : parsed.runs) {
    run.job.init = init;
    job::Job& job = jobs.emplace_back(MakeJob(run.job, request.yaml(), ""));
    job.point = std::move(run.point);
    job.user = request.user();
    // The scheduler goes by time of creation: one nanosecond apart they run in the grid's order.
    job.created = now + absl::Nanoseconds(static_cast<int64_t>(jobs.size()) - 1);
  }
  return jobs;
}

}  // namespace

absl::StatusOr<v1::ValidateSweepResponse> ValidateSweep(const Context& context,
                                                        const v1::SubmitRequest& request) {
  const std::vector<std::string> sets(request.sets().begin(), request.sets().end());
  HEBB_ASSIGN_OR_RETURN(const sweep::Sweep parsed,
                        sweep::ParseSweep(request.yaml(), request.file_name(), sets));
  v1::ValidateSweepResponse response;
  response.set_name(parsed.name);
  for (const sweep::Run& run : parsed.runs) {
    v1::ValidatedRun& validated = *response.add_runs();
    validated.set_name(run.job.name);
    for (const auto& [key, value] : run.point) {
      v1::GridValue& entry = *validated.add_point();
      entry.set_key(key);
      entry.set_value(value);
    }
    HEBB_ASSIGN_OR_RETURN(*validated.mutable_job(), Summarize(context, run.job));
  }
  return response;
}

absl::StatusOr<job::Sweep> SubmitSweep(const Context& context, const v1::SubmitRequest& request) {
  job::Sweep made;
  made.request_id = request.request_id();
  made.file_name = request.file_name();
  made.yaml = request.yaml();
  made.sets.assign(request.sets().begin(), request.sets().end());
  made.created = absl::Now();
  HEBB_ASSIGN_OR_RETURN(sweep::Sweep parsed,
                        sweep::ParseSweep(made.yaml, made.file_name, made.sets));
  made.name = parsed.name;
  HEBB_ASSIGN_OR_RETURN(std::vector<job::Job> jobs,
                        MakeJobs(context, request, parsed, made.created));
  absl::StatusOr<job::Sweep> stored = absl::InternalError("no sweep id is free");
  for (int i = 0; i < kIdTries; ++i) {
    made.id = NewId("s-");
    for (job::Job& job : jobs) {
      job.sweep = made.id;
      job.id = NewId("j-");
    }
    stored = context.jobs.CreateSweep(made, jobs, context.limits.queued.Of(request.user()));
    if (!absl::IsAlreadyExists(stored.status())) break;
  }
  if (stored.ok()) context.controller.Wake();
  return stored;
}

absl::StatusOr<job::Sweep> CancelSweep(const Context& context, const access::Caller& caller,
                                       const std::string& key) {
  HEBB_ASSIGN_OR_RETURN(job::Sweep found, context.jobs.GetSweep(key));
  HEBB_ASSIGN_OR_RETURN(const std::vector<job::Job> jobs, context.jobs.SweepJobs(found.id));
  std::vector<std::string> ids;
  for (const job::Job& job : jobs) {
    HEBB_RETURN_IF_ERROR(CheckOwner(caller, job.user, absl::StrCat("sweep ", found.id)));
    ids.push_back(job.id);
  }
  const auto cancelled = context.jobs.UpdateAll(ids, [](job::Job& job) {
    return job::IsTerminal(job.state) ? absl::OkStatus() : CancelJob(job);
  });
  HEBB_RETURN_IF_ERROR(cancelled.status());
  context.controller.Wake();
  return found;
}

}  // namespace hebb::rpc
