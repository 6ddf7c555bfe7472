// SPDX-License-Identifier: Apache-2.0
// The matrices W and R of all weighted layers, and their forms for the kernels.
#ifndef HEBB_WORKER_ENGINE_PARAMETERS_H_
#define HEBB_WORKER_ENGINE_PARAMETERS_H_

#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/spec/shapes.h"
#include "common/spec/spec.h"
#include "common/weights/safetensors.h"
#include "worker/device/aligned_buffer.h"
#include "worker/device/compute_pool.h"
#include "worker/engine/engine.h"
#include "worker/engine/plan.h"
#include "worker/nn/conv_kernels.h"
#include "worker/nn/layer.h"
#include "worker/rules/rule.h"

namespace hebb::engine {

// Internal layouts: convolutions canonical, dense layers as nn/dense_layer.h.
//
// Thread-safety: one thread at a time, except prepared(), which compute threads read during a step.
class Parameters {
 public:
  // Draws W and R (paper.md 3) from the job's seed. To be called on a compute thread.
  static absl::StatusOr<std::unique_ptr<Parameters>> Create(const Plan& plan, const spec::Job& job);

  std::span<const ParameterInfo> infos() const { return infos_; }
  const nn::LayerMatrices& prepared(int parameter) const { return *entries_[parameter].prepared; }

  // Brings the kernels' forms up to date; to be called before a forward pass.
  absl::Status Prepare(device::ComputePool& pool);

  // after_update: from here to the next Prepare, the signal of `parameter` passes through what its
  // matrix will be once `sum` is applied. W and R themselves stay. On a compute thread.
  absl::Status StageSignal(int parameter, std::span<const float> sum);

  void Apply(std::span<const std::span<const float>> sums, device::ComputePool& pool);

  std::vector<weights::Tensor> Export() const;
  absl::Status Import(const std::vector<weights::Tensor>& tensors);  // all or nothing
  std::vector<double> Alignment() const;

 private:
  struct Entry {
    spec::Shape input;
    bool is_conv = false;
    device::FloatBuffer forward;   // W
    device::FloatBuffer feedback;  // R; empty under bp
    device::FloatBuffer staged;    // the signal's next matrix; after_update only
    // Convolutions only.
    std::unique_ptr<nn::ConvKernels> packer;
    device::FloatBuffer packed_forward;
    device::FloatBuffer packed_feedback;
    // What layers hold a reference to: it must not move.
    std::unique_ptr<nn::LayerMatrices> prepared;

    rules::ConstMatrices matrices() const { return {forward.span(), feedback.span()}; }
  };

  Parameters() = default;
  absl::Status AddEntry(const PlannedLayer& planned, const spec::Job& job);
  absl::Status PrepareEntry(Entry& entry);
  absl::Status CheckTensors(const std::vector<weights::Tensor>& tensors) const;
  weights::Tensor ToTensor(int parameter, absl::string_view suffix,
                           const device::FloatBuffer& values) const;

  std::unique_ptr<rules::Rule> rule_;
  rules::Rates rates_;
  bool after_update_ = false;
  bool prepared_ = false;
  std::vector<ParameterInfo> infos_;
  std::vector<Entry> entries_;
};

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_PARAMETERS_H_
