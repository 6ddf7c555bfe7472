// SPDX-License-Identifier: Apache-2.0
// The arithmetic of a run, the same on every rank: how many steps, and where a step stands.
#ifndef HEBB_WORKER_TRAIN_RUN_PLAN_H_
#define HEBB_WORKER_TRAIN_RUN_PLAN_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/spec/spec.h"
#include "worker/checkpoint/checkpoint.h"
#include "worker/data/dataset.h"

namespace hebb::train {

// Constant after MakeRunPlan; borrows the data set.
struct RunPlan {
  spec::Job job;
  std::string job_id;
  std::string spec_digest;
  const data::Dataset* dataset = nullptr;
  int threads = 1;
  int64_t records = 0;  // to train on
  int64_t steps_per_epoch = 0;
  int64_t total_steps = 0;  // 0 for `kind: evaluate`

  bool AtEpochEnd(int64_t step) const { return step > 0 && step % steps_per_epoch == 0; }
  int64_t EpochOfStep(int64_t step) const { return step / steps_per_epoch; }  // 0-based
};

// INVALID_ARGUMENT: no record is left to train on.
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
