// SPDX-License-Identifier: Apache-2.0
// The engine on the CPU: one compute thread a slice, every library call single-threaded.
//
// Slice by slice: each goes forward and backward at one go, on as many states as threads. In
// lockstep all slices go through a layer before the next, because a sum over the gang must be known
// within the step: the statistics of a batch normalisation; and under propagate: after_update a
// layer's update, before the error goes on below it. There W and R are not touched until Apply, the
// signal passes through a staged copy of what they will be. Only the order differs from
// before_update: the signal is still d_l, gated as in the paper's text. (The author's later code,
// paper.md 8, also sends the signal from before the gate; that is not this option.)
#ifndef HEBB_WORKER_ENGINE_CPU_ENGINE_H_
#define HEBB_WORKER_ENGINE_CPU_ENGINE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/spec/spec.h"
#include "common/weights/safetensors.h"
#include "worker/device/compute_pool.h"
#include "worker/engine/engine.h"
#include "worker/engine/parameters.h"
#include "worker/engine/plan.h"
#include "worker/engine/ready_sums.h"
#include "worker/engine/slice_state.h"
#include "worker/nn/image.h"

namespace hebb::engine {

class CpuEngine : public Engine {
 public:
  // INVALID_ARGUMENT: an impossible network or normalisation. INTERNAL: the library refused.
  // RESOURCE_EXHAUSTED: not enough memory.
  static absl::StatusOr<std::unique_ptr<CpuEngine>> Create(const EngineOptions& options);

  std::span<const ParameterInfo> parameters() const override { return plan_.parameters; }
  std::span<const SumInfo> sums() const override { return plan_.sums; }
  std::vector<weights::Tensor> Export() const override { return parameters_->Export(); }
  absl::Status Import(const std::vector<weights::Tensor>& tensors) override {
    return parameters_->Import(tensors);
  }
  absl::Status ComputeUpdates(const StepContext& context,
                              std::span<const std::span<const Sample>> slices, SumSink& sink,
                              std::span<SliceTotals> totals) override;
  void Apply(const StepContext& context, std::span<const std::span<const float>> sums) override {
    parameters_->Apply(context, sums, pool_);
  }

  // In chunks of kEvaluationRows consecutive samples, the last one filled up, so that a sample's
  // answer does not depend on how many samples there are.
  absl::StatusOr<SliceTotals> Evaluate(std::span<const Sample> samples) override;

  std::vector<std::pair<std::string, double>> Alignment() const override {
    return parameters_->Alignment();
  }
  // In chunks of kEvaluationRows, too; a chunk's own statistics are its batch normalisations'.
  absl::StatusOr<std::vector<LayerDiagnostics>> Diagnose(
      const StepContext& context, std::span<const Sample> samples,
      std::span<const std::span<const float>> sums) override;
  absl::StatusOr<AuditReport> Audit(const StepContext& context,
                                    std::span<const Sample> samples) override;
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

  absl::Status LoadSlice(const StepContext& context, SliceRun& run, SliceState& state);
  absl::Status FinishForward(const StepContext& context, SliceRun& run, SliceState& state);
  // Batch normalisation's part, of a layer that has one.
  void WriteStatistics(const SliceRun& run, int slice, int layer, SliceState& state);
  absl::Status UpdateLayer(const SliceRun& run, int slice, int layer, SliceState& state);
  absl::Status SendDown(const StepContext& context, const SliceRun& run, int slice, int layer,
                        SliceState& state);

  // cpu_engine_orders.cc
  absl::Status RunSlice(const StepContext& context, int slice, SliceState& state);
  absl::Status RunSlices(const StepContext& context);
  absl::Status ForEachSlice(absl::FunctionRef<absl::Status(int slice, SliceState& state)> action);
  absl::Status RunLockstep(const StepContext& context, SumSink& sink);
  absl::Status LockstepForward(const StepContext& context, int layer, SumSink& sink);
  absl::Status LockstepBackward(const StepContext& context, int layer, SumSink& sink);

  absl::StatusOr<nn::LossTotals> EvaluateChunk(std::span<const Sample> chunk, SliceState& state);

  // cpu_engine_diagnose.cc
  struct ErrorAngles;
  // `samples` again and again until there are kEvaluationRows of them.
  static std::vector<Sample> FilledChunk(std::span<const Sample> samples);
  absl::Status ForwardAlone(SliceState& state);
  // kOfGradient: once the signal passes through W (Parameters::BorrowForward).
  enum class Signal { kOfRule, kOfGradient };
  absl::Status BackwardAlone(SliceState& state, Signal signal,
                             absl::FunctionRef<void(int layer, std::span<const float> delta)> look);
  absl::Status DiagnoseChunk(const StepContext& context, std::span<const Sample> chunk,
                             ErrorAngles& angles, std::vector<LayerDiagnostics>& found);

  // cpu_engine_audit.cc
  using LayerErrors = std::vector<std::vector<float>>;  // by layer
  absl::StatusOr<LayerErrors> ErrorsWithPoison(const StepContext& context,
                                               std::span<const Sample> chunk, int parameter);

  // Constant after construction.
  const spec::Loss loss_;
  const bool after_update_;
  const double mirror_noise_;
  const Plan plan_;
  const Images images_;

  device::ComputePool pool_;
  std::unique_ptr<Parameters> parameters_;
  std::vector<std::unique_ptr<SliceState>> states_;  // by thread, or by slice in lockstep
  std::unique_ptr<ReadySums> ready_;
  std::vector<SliceRun> runs_;          // by slice
  std::vector<int64_t> prepared_rows_;  // numbers of rows met so far
};

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_CPU_ENGINE_H_
