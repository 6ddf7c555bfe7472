// SPDX-License-Identifier: Apache-2.0
#include "worker/train/run_plan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/spec/parse.h"
#include "worker/data/order.h"

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
  if (plan.records <= 0 && job.kind == spec::Kind::kTrain) {
    return absl::InvalidArgumentError(absl::StrCat(
        "dataset.validation: all training records of ", job.dataset.name,
        " are held out for validation, so none is left to train on; choose a smaller number"));
  }
  plan.steps_per_epoch =
      std::max(data::StepsPerEpoch(plan.records, job.learning.batch_size), int64_t{1});
  if (job.kind == spec::Kind::kTrain) plan.total_steps = job.learning.epochs * plan.steps_per_epoch;
  return plan;
}

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
  progress.epoch = progress.step / plan.steps_per_epoch;
  progress.step_in_epoch = progress.step % plan.steps_per_epoch;
}

absl::Status CheckProgress(const RunPlan& plan, const checkpoint::Progress& progress,
                           absl::string_view origin) {
  // What the cursor and the number of samples must be after that many steps.
  const int64_t steps = progress.step == 0 ? 0 : (progress.step - 1) % plan.steps_per_epoch + 1;
  const int64_t samples = std::min(steps * plan.job.learning.batch_size, plan.records);
  if (progress.step <= plan.total_steps && progress.epoch_samples == samples &&
      progress.epoch == progress.step / plan.steps_per_epoch &&
      progress.step_in_epoch == progress.step % plan.steps_per_epoch) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      origin, ": checkpoint of another run: step ", progress.step, " with ", progress.epoch_samples,
      " samples of its epoch does not fit ", plan.records, " training records in batches of ",
      plan.job.learning.batch_size, "; give the job the data set it began with"));
}

}  // namespace hebb::train
