// SPDX-License-Identifier: Apache-2.0
// One generation of a run on one rank: from the forming of a gang to its end, or to the end of a
// stage of the run, after which the same gang goes on with another one of these.
#ifndef HEBB_WORKER_TRAIN_GENERATION_H_
#define HEBB_WORKER_TRAIN_GENERATION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "worker/comm/communicator.h"
#include "worker/train/batch_loader.h"
#include "worker/train/run_plan.h"
#include "worker/train/run_state.h"
#include "worker/train/step_sums.h"
#include "worker/train/trainer.h"

namespace hebb::train {

// Trained images and the time it took, over all generations of a process.
struct Throughput {
  int64_t images = 0;
  double seconds = 0;

  double images_per_second() const {
    return seconds > 0 ? static_cast<double>(images) / seconds : 0;
  }
};

// One thread at a time. Borrows everything it is given.
class Generation {
 public:
  struct Gang {
    comm::Communicator& communicator;
    Requests& requests;
    Observer& observer;
  };

  // For the stage of the next step; the state must be of that stage. INVALID_ARGUMENT: more ranks
  // than slices. RESOURCE_EXHAUSTED: no memory for the sums.
  static absl::StatusOr<std::unique_ptr<Generation>> Create(const RunPlan& plan, RunState& state,
                                                            Throughput& throughput,
                                                            const Gang& gang);

  // As Trainer::Run; nothing when the stage is over and the run is not. `final` is filled in at
  // kFinished.
  absl::StatusOr<std::optional<RunEnd>> Run(FinalMetrics& final);

 private:
  Generation(const RunPlan& plan, RunState& state, Throughput& throughput, const Gang& gang,
             const SliceLayout& layout);

  // One step; what was asked of the gang.
  absl::StatusOr<ControlFlags> Step();
  absl::StatusOr<StepTotals> ComputeAndSum(const Batch& batch, StepReport& report);
  void Report(StepReport& report, absl::Duration took);
  absl::Status EndEpoch();
  absl::StatusOr<std::vector<engine::LayerDiagnostics>> Diagnose();
  std::vector<engine::Sample> FirstRecords() const;
  engine::StepContext ContextAfter(int64_t step, int64_t rows) const;
  absl::Status Finish(FinalMetrics& final);
  absl::Status Save();
  absl::Status SaveAndAgree();
  bool DigestIsDue() const;
  bool at_end() const { return state_.progress.step >= plan_.total_steps; }

  const RunPlan& plan_;
  const Stage& stage_;
  RunState& state_;
  Throughput& throughput_;
  const Gang gang_;
  const int rank_;
  BatchLoader loader_;
  std::vector<engine::SliceTotals> totals_;  // by local slice
  absl::Time epoch_begin_;
  std::optional<int64_t> saved_step_;
  bool stepped_ = false;  // sums_ holds a step's
  StepSums sums_;         // last: its queue ends before what it reads
};

}  // namespace hebb::train

#endif  // HEBB_WORKER_TRAIN_GENERATION_H_
