// SPDX-License-Identifier: Apache-2.0
#include "worker/train/run_plan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/spec/parse.h"
#include "common/spec/stages.h"

namespace hebb::train {

absl::StatusOr<RunPlan> MakeRunPlan(const spec::Job& job, std::string job_id, int threads,
                                    const data::Dataset& dataset) {
  RunPlan plan;
  plan.job = job;
  plan.job_id = std::move(job_id);
  plan.spec_digest = spec::SpecDigest(job);
  plan.dataset = &dataset;
  plan.threads = std::max(threads, 1);
  plan.records = dataset.size(data::Split::kTrain);
  if (plan.records <= 0 && job.kind != spec::Kind::kEvaluate) {
    return absl::InvalidArgumentError(absl::StrCat(
        "dataset.validation: all training records of ", job.dataset.name,
        " are held out for validation, so none is left to train on; choose a smaller number"));
  }
  const bool trains = job.kind == spec::Kind::kTrain || job.kind == spec::Kind::kVerify;
  int64_t step = 0, epoch = 0;
  for (spec::Job& stage_job : spec::StagesOf(job)) {
    const int64_t batch = stage_job.learning.batch_size;
    int64_t steps = spec::StepsPerEpoch(stage_job, plan.records);
    if (steps == 0 && job.learning.drop_last && trains) {
      return absl::InvalidArgumentError(
          absl::StrCat("learning.drop_last leaves no batch of ", batch, " from ", plan.records,
                       " training records; use a smaller batch_size, or drop_last: false"));
    }
    steps = std::max(steps, int64_t{1});
    const int64_t epochs = stage_job.learning.epochs;
    plan.stages.push_back({std::move(stage_job), step, epoch, steps});
    step += epochs * steps;
    epoch += epochs;
  }
  if (job.kind == spec::Kind::kTrain) plan.total_steps = step;
  if (job.kind == spec::Kind::kVerify) {
    plan.total_steps = std::min(step, job.verification.to_step);
  }
  plan.total_epochs = epoch;
  return plan;
}

int RunPlan::StageAfter(int64_t step) const {
  int stage = static_cast<int>(stages.size()) - 1;
  while (stage > 0 && step < stages[stage].first_step) --stage;
  return stage;
}

int RunPlan::StageBefore(int64_t step) const { return step == 0 ? 0 : StageAfter(step - 1); }

void CountStep(const RunPlan& plan, int64_t rows, double loss, int64_t correct,
               checkpoint::Progress& progress) {
  if (progress.step_in_epoch == 0) {
    progress.epoch_loss = 0;
    progress.epoch_correct = 0;
    progress.epoch_samples = 0;
  }
  progress.epoch_loss += loss;
  progress.epoch_correct += correct;
  progress.epoch_samples += rows;
  ++progress.step;
  const Stage& next = plan.stages[plan.StageAfter(progress.step)];
  progress.epoch = next.EpochAfter(progress.step);
  progress.step_in_epoch = next.StepInEpochAfter(progress.step);
}

absl::Status CheckProgress(const RunPlan& plan, const checkpoint::Progress& progress,
                           absl::string_view origin) {
  // What the cursor and the number of samples must be after that many steps.
  const Stage& done = plan.stages[plan.StageBefore(progress.step)];
  const Stage& next = plan.stages[plan.StageAfter(progress.step)];
  const int64_t steps = progress.step == 0 ? 0 : done.StepInEpochAfter(progress.step - 1) + 1;
  const int64_t samples = std::min(steps * done.job.learning.batch_size, plan.records);
  if (progress.step <= plan.total_steps && progress.epoch_samples == samples &&
      progress.epoch == next.EpochAfter(progress.step) &&
      progress.step_in_epoch == next.StepInEpochAfter(progress.step)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      origin, ": checkpoint of another run: step ", progress.step, " with ", progress.epoch_samples,
      " samples of its epoch does not fit ", plan.records, " training records in batches of ",
      done.job.learning.batch_size, "; give the job the data set it began with"));
}

}  // namespace hebb::train
