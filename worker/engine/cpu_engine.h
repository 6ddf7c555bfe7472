// SPDX-License-Identifier: Apache-2.0
// The engine on the CPU: one compute thread a slice, every library call single-threaded.
//
// propagate: before_update takes slice after slice, each forward and backward at one go, on as many
// states as threads. after_update takes all slices together layer by layer, because a layer's sum
// over the gang must be known before the error goes on below it: W and R are not touched until
// Apply, the signal passes through a staged copy of what they will be. Only the order differs from
// before_update: the signal is still d_l, gated as in the paper's text. (The author's later code,
// paper.md 8, also sends the signal from before the gate; that is not this option.)
#ifndef HEBB_WORKER_ENGINE_CPU_ENGINE_H_
#define HEBB_WORKER_ENGINE_CPU_ENGINE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/spec/spec.h"
#include "common/weights/safetensors.h"
#include "worker/device/compute_pool.h"
#include "worker/engine/engine.h"
#include "worker/engine/parameters.h"
#include "worker/engine/plan.h"
#include "worker/engine/ready_layers.h"
#include "worker/engine/slice_state.h"
#include "worker/nn/image.h"

namespace hebb::engine {

class CpuEngine : public Engine {
 public:
  // INVALID_ARGUMENT: an impossible network or normalisation. INTERNAL: the library refused.
  // RESOURCE_EXHAUSTED: not enough memory.
  static absl::StatusOr<std::unique_ptr<CpuEngine>> Create(const EngineOptions& options);

  std::span<const ParameterInfo> parameters() const override { return parameters_->infos(); }
  std::vector<weights::Tensor> Export() const override { return parameters_->Export(); }
  absl::Status Import(const std::vector<weights::Tensor>& tensors) override {
    return parameters_->Import(tensors);
  }
  absl::Status ComputeUpdates(const StepContext& context,
                              std::span<const std::span<const Sample>> slices, UpdateSink& sink,
                              std::span<SliceTotals> totals) override;
  void Apply(std::span<const std::span<const float>> sums) override {
    parameters_->Apply(sums, pool_);
  }

  // In chunks of kEvaluationRows consecutive samples, the last one filled up, so that a sample's
  // answer does not depend on how many samples there are.
  absl::StatusOr<SliceTotals> Evaluate(std::span<const Sample> samples) override;

  std::vector<double> Alignment() const override { return parameters_->Alignment(); }
  std::string kernel_family() const override { return CpuKernelFamily(); }

 private:
  static constexpr int64_t kEvaluationRows = 64;

  // One slice of the step under way.
  struct SliceRun {
    std::span<const Sample> samples;
    SliceTotals* totals = nullptr;
    absl::Status status;
  };

  CpuEngine(const EngineOptions& options, Plan plan, nn::ImageScaler scaler);
  absl::Status Build(const EngineOptions& options);
  absl::Status BuildOnComputeThread(const EngineOptions& options);
  absl::Status Errors() const;
  // Makes every state ready for slices of that many rows, whichever thread will take them.
  absl::Status PrepareRows(int64_t rows);

  absl::Status ForwardSlice(const StepContext& context, SliceRun& run, SliceState& state);
  absl::Status UpdateLayer(const SliceRun& run, int slice, int layer, SliceState& state);
  absl::Status RunSlice(const StepContext& context, int slice, SliceState& state);
  absl::Status RunBeforeUpdate(const StepContext& context);
  absl::Status RunAfterUpdate(const StepContext& context, UpdateSink& sink);
  absl::Status StageSignal(int parameter, UpdateSink& sink);
  absl::StatusOr<nn::LossTotals> EvaluateChunk(std::span<const Sample> chunk, SliceState& state);

  // Constant after construction.
  const spec::Loss loss_;
  const bool after_update_;
  const Plan plan_;
  const nn::ImageScaler scaler_;

  device::ComputePool pool_;
  std::unique_ptr<Parameters> parameters_;
  std::vector<std::unique_ptr<SliceState>> states_;  // by thread, or by slice in after_update
  std::unique_ptr<ReadyLayers> ready_;
  std::vector<SliceRun> runs_;          // by slice
  std::vector<int64_t> prepared_rows_;  // numbers of rows met so far
};

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_CPU_ENGINE_H_
