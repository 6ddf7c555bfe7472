// SPDX-License-Identifier: Apache-2.0
#include "worker/train/run_state.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/spec/words.h"
#include "common/status_macros.h"
#include "common/weights/safetensors.h"
#include "worker/train/carry_over.h"

namespace hebb::train {
namespace {

absl::Status WithOrigin(const absl::Status& status, absl::string_view origin) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(origin, ": ", status.message()));
}

}  // namespace

RunState::RunState(const RunPlan& plan, EngineFactory make_engine)
    : plan_(&plan), make_engine_(std::move(make_engine)) {}

absl::StatusOr<RunState> RunState::Create(const RunPlan& plan, EngineFactory make_engine) {
  RunState state(plan, std::move(make_engine));
  // The gang's size, and with it the share of the batch, comes with the first generation.
  HEBB_ASSIGN_OR_RETURN(state.engine_, state.MakeEngine(0));
  return state;
}

engine::EngineOptions RunState::OptionsFor(int stage, const engine::SliceShare& share) const {
  return {.job = &plan_->stages[stage].job,
          .facts = plan_->dataset->facts(),
          .threads = plan_->threads,
          .share = share,
          .draw = stage};
}

absl::StatusOr<std::unique_ptr<engine::Engine>> RunState::MakeEngine(int stage) const {
  return make_engine_(OptionsFor(stage, share_));
}

absl::Status RunState::FitEngine(const engine::SliceShare& share) {
  if (share == share_) return absl::OkStatus();
  HEBB_RETURN_IF_ERROR(engine_->Fit(share));
  share_ = share;
  return absl::OkStatus();
}

absl::Status RunState::EnterNextStage() {
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<engine::Engine> engine, MakeEngine(stage_ + 1));
  std::vector<weights::Tensor> before = engine_->Export();
  HEBB_RETURN_IF_ERROR(
      engine->Import(CarryOver(before, engine->Export(), plan_->job.learning.second_stage)));
  engine_ = std::move(engine);
  before_stage_ = std::move(before);
  ++stage_;
  return absl::OkStatus();
}

absl::Status RunState::LeaveUnbegunStage() {
  if (before_stage_.empty()) return absl::OkStatus();
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<engine::Engine> engine, MakeEngine(stage_ - 1));
  HEBB_RETURN_IF_ERROR(engine->Import(before_stage_));
  engine_ = std::move(engine);
  before_stage_.clear();
  --stage_;
  return absl::OkStatus();
}

std::vector<weights::TensorSource> RunState::Tensors() const {
  return before_stage_.empty() ? engine_->Tensors() : weights::SourcesOf(before_stage_);
}

checkpoint::Writer RunState::CheckpointWriter() const {
  return {{.progress = progress,
           .job_id = plan_->job_id,
           .rule = std::string(spec::ToWord(plan_->job.learning.rule)),
           .spec_digest = plan_->spec_digest},
          Tensors()};
}

absl::Status RunState::Restore(absl::string_view bytes, absl::string_view origin) {
  HEBB_ASSIGN_OR_RETURN(const checkpoint::CheckpointView checkpoint,
                        checkpoint::View(bytes, origin));
  HEBB_RETURN_IF_ERROR(checkpoint::CheckSpecDigest(checkpoint, plan_->spec_digest, origin));
  HEBB_RETURN_IF_ERROR(CheckProgress(*plan_, checkpoint.progress, origin));
  const int stage = plan_->StageBefore(checkpoint.progress.step);
  if (stage == stage_) {
    HEBB_RETURN_IF_ERROR(WithOrigin(engine_->Import(checkpoint.tensors), origin));
  } else {
    HEBB_ASSIGN_OR_RETURN(std::unique_ptr<engine::Engine> engine, MakeEngine(stage));
    HEBB_RETURN_IF_ERROR(WithOrigin(engine->Import(checkpoint.tensors), origin));
    engine_ = std::move(engine);
    stage_ = stage;
  }
  Reset();
  progress = checkpoint.progress;
  return absl::OkStatus();
}

void RunState::Reset() {
  progress = {};
  before_stage_.clear();
  epoch_reported = false;
  validation_accuracy.reset();
}

absl::Status RunState::RestoreWeights(absl::string_view bytes, absl::string_view origin) {
  HEBB_ASSIGN_OR_RETURN(weights::SourceFile file, weights::View(bytes, origin));
  std::erase_if(file.tensors, [](const weights::TensorSource& tensor) {
    return absl::StartsWith(tensor.name, "optimizer/") || absl::StartsWith(tensor.name, "state/");
  });
  // Only an evaluation may be given the weights of a later stage.
  absl::Status taken = engine_->Import(file.tensors);
  const int stages =
      plan_->job.kind == spec::Kind::kEvaluate ? static_cast<int>(plan_->stages.size()) : 1;
  for (int stage = stage_ + 1; !taken.ok() && stage < stages; ++stage) {
    HEBB_ASSIGN_OR_RETURN(std::unique_ptr<engine::Engine> engine, MakeEngine(stage));
    if (!engine->Import(file.tensors).ok()) continue;
    engine_ = std::move(engine);
    stage_ = stage;
    taken = absl::OkStatus();
  }
  HEBB_RETURN_IF_ERROR(WithOrigin(taken, origin));
  Reset();
  return absl::OkStatus();
}

}  // namespace hebb::train
