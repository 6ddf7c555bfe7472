// SPDX-License-Identifier: Apache-2.0
#include "worker/train/run_state.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/spec/words.h"
#include "common/status_macros.h"
#include "common/weights/safetensors.h"

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
  HEBB_ASSIGN_OR_RETURN(state.engine_, state.make_engine_(state.OptionsFor(1, 1)));
  return state;
}

engine::EngineOptions RunState::OptionsFor(int local_slices, int64_t max_slice_rows) const {
  return {.job = &plan_->job,
          .facts = plan_->dataset->facts(),
          .threads = plan_->threads,
          .local_slices = local_slices,
          .max_slice_rows = max_slice_rows};
}

absl::Status RunState::FitEngine(int local_slices, int64_t max_slice_rows) {
  if (local_slices == local_slices_ && max_slice_rows == max_slice_rows_) return absl::OkStatus();
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<engine::Engine> engine,
                        make_engine_(OptionsFor(local_slices, max_slice_rows)));
  HEBB_RETURN_IF_ERROR(engine->Import(engine_->Export()));
  engine_ = std::move(engine);
  local_slices_ = local_slices;
  max_slice_rows_ = max_slice_rows;
  return absl::OkStatus();
}

checkpoint::Encoded RunState::Encode() const {
  checkpoint::Checkpoint checkpoint;
  checkpoint.tensors = engine_->Export();
  checkpoint.progress = progress;
  checkpoint.job_id = plan_->job_id;
  checkpoint.rule = spec::ToWord(plan_->job.learning.rule);
  checkpoint.spec_digest = plan_->spec_digest;
  return checkpoint::Encode(std::move(checkpoint));
}

absl::Status RunState::Restore(absl::string_view bytes, absl::string_view origin) {
  HEBB_ASSIGN_OR_RETURN(const checkpoint::Checkpoint checkpoint, checkpoint::Decode(bytes, origin));
  HEBB_RETURN_IF_ERROR(checkpoint::CheckSpecDigest(checkpoint, plan_->spec_digest, origin));
  HEBB_RETURN_IF_ERROR(CheckProgress(*plan_, checkpoint.progress, origin));
  HEBB_RETURN_IF_ERROR(WithOrigin(engine_->Import(checkpoint.tensors), origin));
  progress = checkpoint.progress;
  epoch_reported = false;
  validation_accuracy.reset();
  return absl::OkStatus();
}

absl::Status RunState::RestoreWeights(absl::string_view bytes, absl::string_view origin) {
  HEBB_ASSIGN_OR_RETURN(weights::TensorFile file, weights::Parse(bytes, origin));
  std::erase_if(file.tensors, [](const weights::Tensor& tensor) {
    return absl::StartsWith(tensor.name, "optimizer/") || absl::StartsWith(tensor.name, "state/");
  });
  HEBB_RETURN_IF_ERROR(WithOrigin(engine_->Import(file.tensors), origin));
  progress = {};
  epoch_reported = false;
  validation_accuracy.reset();
  return absl::OkStatus();
}

}  // namespace hebb::train
