// SPDX-License-Identifier: Apache-2.0
// The arithmetic of a run, the same on every rank: how many steps, and where a step stands.
#ifndef HEBB_WORKER_TRAIN_RUN_PLAN_H_
#define HEBB_WORKER_TRAIN_RUN_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/spec/spec.h"
#include "worker/checkpoint/checkpoint.h"
#include "worker/data/dataset.h"

namespace hebb::train {

// A run of epochs with one network and one batch size.
struct Stage {
  spec::Job job;  // as the stage sees it
  int64_t first_step = 0;
  int64_t first_epoch = 0;  // 0-based
  int64_t steps_per_epoch = 0;

  int64_t EpochAfter(int64_t step) const {
    return first_epoch + (step - first_step) / steps_per_epoch;
  }
  int64_t StepInEpochAfter(int64_t step) const { return (step - first_step) % steps_per_epoch; }
};

// Constant after MakeRunPlan; borrows the data set. "After step s" is when s steps are done; the
// step that follows belongs to the stage StageAfter(s), the one before it to StageBefore(s).
struct RunPlan {
  spec::Job job;
  std::string job_id;
  std::string spec_digest;
  const data::Dataset* dataset = nullptr;
  int threads = 1;
  int64_t records = 0;  // to train on
  std::vector<Stage> stages;
  int64_t total_steps = 0;  // 0 for `kind: evaluate`
  int64_t total_epochs = 0;

  int StageAfter(int64_t step) const;   // index; the last one at the end
  int StageBefore(int64_t step) const;  // 0 at the beginning
  bool AtEpochEnd(int64_t step) const {
    return step > 0 && stages[StageBefore(step)].StepInEpochAfter(step) == 0;
  }
};

// INVALID_ARGUMENT: no record is left to train on, or too few for a whole batch with drop_last.
absl::StatusOr<RunPlan> MakeRunPlan(const spec::Job& job, std::string job_id, int threads,
                                    const data::Dataset& dataset);

// Advances `progress` by one step with these totals over `rows` samples.
void CountStep(const RunPlan& plan, int64_t rows, double loss, int64_t correct,
               checkpoint::Progress& progress);

// INVALID_ARGUMENT unless the plan can have led to `progress`: the same epochs and records.
absl::Status CheckProgress(const RunPlan& plan, const checkpoint::Progress& progress,
                           absl::string_view origin);

}  // namespace hebb::train

#endif  // HEBB_WORKER_TRAIN_RUN_PLAN_H_
