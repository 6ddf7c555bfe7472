// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/verification.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/spec/parse.h"
#include "common/status_macros.h"
#include "server/rpc/submission.h"

namespace hebb::rpc {
namespace {

constexpr int64_t kPage = 10000;

absl::Status CheckVerifiable(const job::Job& job, const spec::Job& spec) {
  if (spec.kind != spec::Kind::kTrain) {
    return absl::FailedPreconditionError(
        absl::StrCat("job ", job.id, " trains nothing; name the job that it is about"));
  }
  if (spec.data_parallel.slices == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("job ", job.id,
                     " has data_parallel.slices: 0, whose bits depend on its gang, so there is "
                     "nothing to compare; use slices: 8 where that matters"));
  }
  return absl::OkStatus();
}

// The newest kept and intact one at or before `step`.
std::optional<job::FileRef> CheckpointBefore(const Context& context,
                                             const std::vector<job::FileRef>& kept, int64_t step) {
  std::optional<job::FileRef> best;
  for (const job::FileRef& file : kept) {
    if (file.step > step || (best && best->step >= file.step)) continue;
    if (context.blobs.VerifiedPath(file.sha256).ok()) best = file;
  }
  return best;
}

// The last recorded step of (from, to]; FAILED_PRECONDITION if there is none.
absl::StatusOr<int64_t> LastRecorded(const Context& context, const job::Job& job, int64_t from,
                                     int64_t to) {
  int64_t last = from;
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const std::vector<job::StepDigest> page,
                          context.jobs.Digests(job.id, last, kPage));
    const int64_t before = last;
    for (const job::StepDigest& digest : page) {
      if (to == 0 || digest.step <= to) last = digest.step;
    }
    if (last == before || static_cast<int64_t>(page.size()) < kPage) break;
  }
  if (last > from) return last;
  return absl::FailedPreconditionError(
      absl::StrCat("job ", job.id, " has no weights digest on record after step ", from,
                   to == 0 ? std::string() : absl::StrCat(" up to step ", to),
                   "; ask for a stretch with a record (hebb describe ", job.id,
                   " shows the last one; digests.every_steps says how often)"));
}

}  // namespace

absl::StatusOr<job::Job> SubmitVerification(const Context& context,
                                            const v1::VerifyRequest& request) {
  const int64_t from = request.from_step(), to = request.to_step();
  if (from < 0 || to < 0 || request.workers() < 0 || (to > 0 && to <= from)) {
    return absl::InvalidArgumentError(
        absl::StrCat("no stretch of steps: from ", from, " to ", to,
                     "; --to must lie after --from, and none of them below 0"));
  }
  HEBB_ASSIGN_OR_RETURN(const job::Job trained, context.jobs.Get(request.job()));
  HEBB_ASSIGN_OR_RETURN(spec::Job spec, spec::JobFromJson(trained.spec_json));
  HEBB_RETURN_IF_ERROR(CheckVerifiable(trained, spec));
  const int64_t workers = std::max(request.workers(), int64_t{1});
  if (workers > spec.data_parallel.slices) {
    return absl::InvalidArgumentError(absl::StrCat("more workers than slices (", workers, " and ",
                                                   spec.data_parallel.slices, "); use at most ",
                                                   spec.data_parallel.slices, " workers"));
  }
  HEBB_ASSIGN_OR_RETURN(const std::vector<job::FileRef> kept, context.jobs.Checkpoints(trained.id));
  const std::optional<job::FileRef> start = CheckpointBefore(context, kept, from);
  HEBB_ASSIGN_OR_RETURN(const int64_t last, LastRecorded(context, trained, from, to));

  spec.kind = spec::Kind::kVerify;
  spec.name = absl::StrCat(trained.name, "-verify");
  spec.resources.workers = workers;
  spec.resources.min_workers = 1;
  spec.diagnostics.every_epochs = 0;
  spec.verification = {trained.id, start ? start->step : 0, last};
  job::Job job = MakeJob(spec, trained.yaml, request.request_id());
  job.user = request.user();
  job.total_steps = last;
  HEBB_ASSIGN_OR_RETURN(job::Job stored, StoreUnderNewId(context, std::move(job)));
  if (start && stored.attempts.empty()) {
    HEBB_RETURN_IF_ERROR(
        context.jobs.PutCheckpoint(stored.id, *start, spec.checkpoint.keep).status());
  }
  context.controller.Wake();
  return stored;
}

}  // namespace hebb::rpc
