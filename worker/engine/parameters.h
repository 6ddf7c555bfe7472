// SPDX-License-Identifier: Apache-2.0
// The weights of all layers that learn, and how a step changes them together.
#ifndef HEBB_WORKER_ENGINE_PARAMETERS_H_
#define HEBB_WORKER_ENGINE_PARAMETERS_H_

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/spec/spec.h"
#include "common/weights/safetensors.h"
#include "common/weights/tensor_source.h"
#include "worker/device/aligned_buffer.h"
#include "worker/device/compute_pool.h"
#include "worker/engine/engine.h"
#include "worker/engine/layer_weights.h"
#include "worker/engine/plan.h"

namespace hebb::engine {

// Thread-safety: one thread at a time, except layer(...).prepared(), which compute threads read
// during a step.
class Parameters {
 public:
  // Draws all weights from the job's seed. To be called on a compute thread. `threads`: of the pool
  // that Apply will be given. Borrows the plan.
  static absl::StatusOr<std::unique_ptr<Parameters>> Create(const Plan& plan, const spec::Job& job,
                                                            int draw, int threads);

  std::span<const ParameterInfo> infos() const { return plan_.parameters; }
  const LayerWeights& layer(int parameter) const { return *layers_[parameter]; }
  LayerWeights& layer(int parameter) { return *layers_[parameter]; }

  // Brings the kernels' forms up to date: before a forward pass; and before a backward one.
  absl::Status PrepareForward(device::ComputePool& pool);
  absl::Status PrepareSignals(const StepContext& context, device::ComputePool& pool);
  // From here to the next PrepareSignals every signal passes through W, as under bp.
  absl::Status BorrowForward(device::ComputePool& pool);

  void Apply(const StepContext& context, std::span<const std::span<const float>> sums,
             device::ComputePool& pool);

  std::vector<weights::TensorSource> Tensors() const;  // borrow these parameters
  absl::Status Import(const std::vector<weights::TensorSource>& tensors);  // all or nothing
  std::vector<std::pair<std::string, double>> Alignment() const;

 private:
  Parameters(const Plan& plan, const spec::Job& job) : plan_(plan), job_(job) {}
  absl::Status ForEachLayer(device::ComputePool& pool, auto&& action);
  absl::Status CheckTensors(const std::vector<weights::TensorSource>& tensors) const;
  // Of the gradients, so that the norm of all updates together is at most clip_norm.
  float ClipFactor(std::span<const std::span<const float>> sums) const;

  const Plan& plan_;
  const spec::Job job_;
  std::vector<std::unique_ptr<LayerWeights>> layers_;
  std::vector<device::FloatBuffer> scratch_;  // by thread
  bool forward_prepared_ = false;
};

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_PARAMETERS_H_
