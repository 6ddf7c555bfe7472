// SPDX-License-Identifier: Apache-2.0
// What of a rank lives through generations: the engine with its weights, and where the run stands.
#ifndef HEBB_WORKER_TRAIN_RUN_STATE_H_
#define HEBB_WORKER_TRAIN_RUN_STATE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/weights/safetensors.h"
#include "worker/checkpoint/checkpoint.h"
#include "worker/engine/engine.h"
#include "worker/train/run_plan.h"

namespace hebb::train {

using EngineFactory =
    std::function<absl::StatusOr<std::unique_ptr<engine::Engine>>(const engine::EngineOptions&)>;

// One thread at a time.
class RunState {
 public:
  // Fresh weights from the seed. `plan` is borrowed.
  static absl::StatusOr<RunState> Create(const RunPlan& plan, EngineFactory make_engine);

  engine::Engine& engine() const { return *engine_; }
  // Of the plan; the engine's network is this stage's.
  int stage() const { return stage_; }

  // Goes over to the next stage: the weights are carried over, untied, redrawn. Until a step of
  // that stage is counted the state is still said to be that of the stage before, so that all
  // replicas agree on it whether they have gone over or not.
  absl::Status EnterNextStage();
  // A step of the stage was applied.
  void StageBegun() { before_stage_.clear(); }
  // Goes back to the stage before if none was: a new gang may have to evaluate its last epoch
  // again.
  absl::Status LeaveUnbegunStage();

  // The tensors after progress.step steps, read where they are until the next step.
  std::vector<weights::TensorSource> Tensors() const;

  // Gives the engine these slices; the weights stay.
  absl::Status FitEngine(const engine::SliceShare& share);

  // Of this state; reads it until the next step.
  checkpoint::Writer CheckpointWriter() const;
  // All or nothing: on an error the state is as it was.
  absl::Status Restore(absl::string_view bytes, absl::string_view origin);
  absl::Status RestoreWeights(absl::string_view bytes, absl::string_view origin);

  checkpoint::Progress progress;
  // The epoch that ends at this step was evaluated and reported in this process. Not kept in
  // checkpoints: an epoch is reported at least once, never skipped.
  bool epoch_reported = false;
  std::optional<double> validation_accuracy;  // of the epoch reported last

 private:
  RunState(const RunPlan& plan, EngineFactory make_engine);
  engine::EngineOptions OptionsFor(int stage, const engine::SliceShare& share) const;
  // An engine for `stage` with the present slices.
  absl::StatusOr<std::unique_ptr<engine::Engine>> MakeEngine(int stage) const;
  void Reset();

  const RunPlan* plan_;
  EngineFactory make_engine_;
  std::unique_ptr<engine::Engine> engine_;
  int stage_ = 0;
  std::vector<weights::Tensor>
      before_stage_;  // of the stage before, while none of this one's steps
  engine::SliceShare share_;
};

}  // namespace hebb::train

#endif  // HEBB_WORKER_TRAIN_RUN_STATE_H_
