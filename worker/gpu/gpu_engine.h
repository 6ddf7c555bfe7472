// SPDX-License-Identifier: Apache-2.0
// The engine on a GPU: the same interface, plan, rules and draws as the CpuEngine, the numbers on
// the device (docs/gpu.md).
//
// A step is cut into pieces where a sum over the gang starts or must have arrived; each piece is
// recorded once and replayed. All rows of the rank go through a layer together, products slice by
// slice (layer.h), so that the bits do not depend on how many slices a rank owns.
#ifndef HEBB_WORKER_GPU_GPU_ENGINE_H_
#define HEBB_WORKER_GPU_GPU_ENGINE_H_

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
#include "worker/device/compute_pool.h"
#include "worker/engine/audit_notes.h"
#include "worker/engine/engine.h"
#include "worker/engine/error_angles.h"
#include "worker/engine/parameters.h"
#include "worker/engine/plan.h"
#include "worker/gpu/network.h"
#include "worker/gpu/ops.h"
#include "worker/gpu/recorder.h"
#include "worker/nn/augment.h"
#include "worker/nn/image.h"

namespace hebb::gpu {

class GpuEngine : public engine::Engine {
 public:
  // INVALID_ARGUMENT: an impossible network. RESOURCE_EXHAUSTED: not enough device memory.
  // INTERNAL: the device's.
  static absl::StatusOr<std::unique_ptr<GpuEngine>> Create(const engine::EngineOptions& options,
                                                           std::shared_ptr<Ops> ops);

  std::span<const engine::ParameterInfo> parameters() const override { return plan_.parameters; }
  std::span<const engine::SumInfo> sums() const override { return plan_.sums; }
  slices::VectorMemory& memory() const override { return *memory_; }
  std::vector<weights::TensorSource> Tensors() const override;
  using Engine::Import;
  absl::Status Import(const std::vector<weights::TensorSource>& tensors) override;
  absl::Status Fit(const engine::SliceShare& share) override;
  absl::Status ComputeUpdates(const engine::StepContext& context,
                              std::span<const std::span<const engine::Sample>> slices,
                              engine::SumSink& sink,
                              std::span<engine::SliceTotals> totals) override;
  // An error of the device is told by the next call that can tell one.
  void Apply(const engine::StepContext& context,
             std::span<const std::span<const float>> sums) override;

  // In chunks of kChunkRows consecutive samples, the last one filled up.
  absl::StatusOr<engine::SliceTotals> Evaluate(std::span<const engine::Sample> samples) override;
  std::vector<std::pair<std::string, double>> Alignment() const override;
  absl::StatusOr<std::vector<engine::LayerDiagnostics>> Diagnose(
      const engine::StepContext& context, std::span<const engine::Sample> samples,
      std::span<const std::span<const float>> sums) override;
  absl::StatusOr<engine::AuditReport> Audit(const engine::StepContext& context,
                                            std::span<const engine::Sample> samples) override;
  std::string kernel_family() const override { return ops_->kernel_family(); }

 private:
  static constexpr int64_t kChunkRows = 256;  // of an evaluation
  // Of a training look, whose chunks are batches to a batch normalisation: as the CpuEngine's.
  static constexpr int64_t kLookRows = 32;

  // Layers [begin, end) of one piece of the way up; the statistics of layer `end`, if there is one,
  // are needed before the next.
  struct PieceUp {
    int begin = 0;
    int end = 0;
  };

  GpuEngine(const engine::EngineOptions& options, engine::Plan plan, nn::ImageScaler scaler,
            std::shared_ptr<Ops> ops);
  absl::Status MakeWeights(const engine::EngineOptions& options);
  absl::Status MakeShared();
  void PlanPieces();
  void SetStep(const engine::StepContext& context);

  // gpu_engine_step.cc
  absl::Status BeginStep(const engine::StepContext& context,
                         std::span<const std::span<const engine::Sample>> slices);
  absl::Status Up(engine::SumSink& sink);
  void RunPieceUp(size_t index);
  absl::Status StatisticsReady(const PieceUp& piece, engine::SumSink& sink);
  absl::Status Down(engine::SumSink& sink);
  void RunPieceDown(size_t index);
  void UpdateLayer(int layer);
  absl::Status Ready(int sum, engine::SumSink& sink);
  // Waits for a sum.
  absl::Status Arrive(int sum, engine::SumSink& sink);
  // The sum lies there; records that read it elsewhere are of no more use.
  void SumLies(int sum, std::span<const float> at);
  bool Waits(int layer) const;
  absl::Status ReadTotals(const engine::StepContext& context,
                          std::span<engine::SliceTotals> totals);
  void ApplySums();

  // gpu_engine_looks.cc
  enum class Signal { kOfRule, kOfGradient };
  static std::vector<engine::Sample> FilledChunk(std::span<const engine::Sample> samples);
  absl::StatusOr<std::vector<kernels::RowLoss>> ForwardChunk(
      const engine::StepContext& context, std::span<const engine::Sample> chunk, bool training,
      int64_t counted, absl::FunctionRef<void(int layer)> look);
  // From the loss of the last ForwardChunk on.
  engine::LayerErrors BackwardChunk(Signal signal);
  absl::StatusOr<engine::LayerErrors> ErrorsWithPoison(const engine::StepContext& context,
                                                       std::span<const engine::Sample> chunk,
                                                       int parameter);
  absl::Status DiagnoseChunk(const engine::StepContext& context,
                             std::span<const engine::Sample> chunk, engine::ErrorAngles& angles,
                             std::vector<engine::LayerDiagnostics>& found);

  // Constant after construction.
  const std::shared_ptr<Ops> ops_;
  const spec::Job job_;
  const engine::Plan plan_;
  const nn::ImageScaler scaler_;
  const nn::Augmenter augmenter_;
  std::vector<PieceUp> pieces_up_;
  std::vector<int> learning_;  // layers that learn, from the last on

  mutable Work work_;
  Pool pool_;  // beside the networks
  std::unique_ptr<slices::VectorMemory> memory_;
  device::ComputePool host_pool_;  // one thread, for the host's weights
  std::unique_ptr<engine::Parameters> host_;
  WeightsByParameter weights_;
  std::unique_ptr<RecordTable> records_;
  kernels::StepValues* step_ = nullptr;
  float* image_table_ = nullptr;
  double* squares_ = nullptr;  // with clip_norm
  int64_t square_parts_ = 0;

  // Of the share.
  std::unique_ptr<Network> network_;
  Recorder recorder_;
  std::vector<const float*> sums_;  // where they lay last, and the records read them
};

// GpuEngine::Create.
absl::StatusOr<std::unique_ptr<engine::Engine>> CreateGpuEngine(
    const engine::EngineOptions& options, std::shared_ptr<Ops> ops);

}  // namespace hebb::gpu

#endif  // HEBB_WORKER_GPU_GPU_ENGINE_H_
