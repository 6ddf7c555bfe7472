// SPDX-License-Identifier: Apache-2.0
// The engine on the CPU. A step goes through the network in passes (plan.h): runs of layers that
// each slice goes through on one compute thread, every library call single-threaded; and joint
// layers (nn/joint_layer.h), spread over all compute threads.
//
// Passes end where a sum over the gang must be known within the step: before the statistics of a
// batch normalisation; and under propagate: after_update below every layer. There W and R are not
// touched until Apply, the signal passes through a staged copy of what they will be. Only the order
// differs from before_update: the signal is still d_l, gated as in the paper's text. (The author's
// later code, paper.md 8, also sends the signal from before the gate; that is not this option.)
#ifndef HEBB_WORKER_ENGINE_CPU_ENGINE_H_
#define HEBB_WORKER_ENGINE_CPU_ENGINE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/spec/spec.h"
#include "common/weights/safetensors.h"
#include "common/weights/tensor_source.h"
#include "worker/device/compute_pool.h"
#include "worker/engine/audit_notes.h"
#include "worker/engine/engine.h"
#include "worker/engine/parameters.h"
#include "worker/engine/plan.h"
#include "worker/engine/ready_sums.h"
#include "worker/engine/row_block.h"
#include "worker/engine/step_memory.h"
#include "worker/slices/fold.h"

namespace hebb::engine {

class CpuEngine : public Engine {
 public:
  // INVALID_ARGUMENT: an impossible network or normalisation. INTERNAL: the library refused.
  // RESOURCE_EXHAUSTED: not enough memory.
  static absl::StatusOr<std::unique_ptr<CpuEngine>> Create(const EngineOptions& options);

  std::span<const ParameterInfo> parameters() const override { return plan_.parameters; }
  std::span<const SumInfo> sums() const override { return plan_.sums; }
  std::vector<weights::TensorSource> Tensors() const override { return parameters_->Tensors(); }
  using Engine::Import;
  absl::Status Import(const std::vector<weights::TensorSource>& tensors) override {
    return parameters_->Import(tensors);
  }
  absl::Status Fit(const SliceShare& share) override;
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
  static constexpr int64_t kEvaluationRows = 32;

  // One slice of the step under way.
  struct SliceRun {
    std::span<const Sample> samples;
    SliceTotals* totals = nullptr;
  };

  CpuEngine(const EngineOptions& options, Plan plan, nn::ImageScaler scaler);
  // Makes all that depends on the share.
  absl::Status MakeBlocks(const SliceShare& share);
  // Gives every slice its rows.
  absl::Status Begin(const StepContext& context, std::span<const std::span<const Sample>> slices,
                     std::span<SliceTotals> totals);

  // cpu_engine_passes.cc
  absl::Status ForEachBlock(int blocks,
                            absl::FunctionRef<absl::Status(int index, RowBlock& block)> action);
  absl::Status ForEachSlice(absl::FunctionRef<absl::Status(int slice, RowBlock& block)> action);
  absl::Status LoadSlices();
  void WriteStatistics(int slice, int layer, RowBlock& block);
  // Does what a layer needs of a slice before any slice may enter it; `layer` may be the end.
  absl::Status LeadUp(int slice, int layer, RowBlock& block);
  absl::Status PassUp(const StepContext& context, const Pass& pass, SumSink& sink);
  absl::Status FinishForward(const StepContext& context);
  absl::Status UpdateLayer(const StepContext& context, int slice, int layer, RowBlock& block);
  absl::Status UpdateJointLayer(const StepContext& context, int layer);
  absl::Status SendDown(int layer, RowBlock& block);
  bool Waits(int layer) const;
  absl::Status TakeSum(const StepContext& context, int layer, SumSink& sink);
  absl::Status JointPassDown(const StepContext& context, int layer, SumSink& sink);
  absl::Status PassDown(const StepContext& context, const Pass& pass, SumSink& sink);

  // cpu_engine_evaluate.cc
  absl::Status LoadChunk(std::span<const Sample> samples, int chunk, RowBlock& block);
  absl::StatusOr<nn::LossTotals> EvaluateChunks(std::span<const Sample> samples);

  // cpu_engine_diagnose.cc
  struct Angles;
  // `samples` again and again until there are kEvaluationRows of them.
  static std::vector<Sample> FilledChunk(std::span<const Sample> samples);
  // Does something with a layer in the one block that has it, where it belongs.
  absl::Status InBlock(int layer, absl::FunctionRef<absl::Status(RowBlock& block)> action);
  absl::Status LoadAlone(const StepContext& context, std::span<const Sample> chunk);
  // `look`: what to do after each layer.
  absl::Status ForwardAlone(absl::FunctionRef<void(int layer, RowBlock& block)> look);
  // kOfGradient: once the signal passes through W (Parameters::BorrowForward).
  enum class Signal { kOfRule, kOfGradient };
  absl::Status BackwardAlone(Signal signal,
                             absl::FunctionRef<void(int layer, std::span<const float> delta)> look);
  absl::Status DiagnoseChunk(const StepContext& context, std::span<const Sample> chunk,
                             Angles& angles, std::vector<LayerDiagnostics>& found);

  // cpu_engine_audit.cc
  absl::StatusOr<LayerErrors> ErrorsWithPoison(const StepContext& context,
                                               std::span<const Sample> chunk, int parameter);

  // Constant after construction.
  const spec::Loss loss_;
  const double mirror_noise_;
  const Plan plan_;
  const Images images_;

  device::ComputePool pool_;
  std::unique_ptr<Parameters> parameters_;

  // Of the share.
  std::optional<slices::Fold> fold_;  // from this rank's slices to their nodes
  std::unique_ptr<StepMemory> memory_;
  std::vector<std::unique_ptr<RowBlock>> blocks_;  // by slice; as many as threads, at least
  std::unique_ptr<RowBlock> joint_;
  std::unique_ptr<ReadySums> ready_;
  std::vector<SliceRun> runs_;          // by slice
  std::vector<absl::Status> statuses_;  // by block, of the call under way
  std::vector<int64_t> offsets_;        // where each slice's rows begin, and the end
};

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_CPU_ENGINE_H_
