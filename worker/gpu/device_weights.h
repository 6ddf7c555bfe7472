// SPDX-License-Identifier: Apache-2.0
// The numbers of one learning layer on the device: W, R, bias (or a normalisation's scale, shift
// and running statistics), velocities, masks, and the signal B.
//
// Names, first values, canonical layouts and whatever is seldom asked (cosines, norms) are the
// host's engine::LayerWeights, whose numbers are brought here and back.
#ifndef HEBB_WORKER_GPU_DEVICE_WEIGHTS_H_
#define HEBB_WORKER_GPU_DEVICE_WEIGHTS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/spec/spec.h"
#include "worker/engine/layer_weights.h"
#include "worker/engine/plan.h"
#include "worker/gpu/layer.h"
#include "worker/gpu/work.h"

namespace hebb::gpu {

// One thread at a time. Errors are the work's, and of the memory status()'s.
class DeviceWeights {
 public:
  // Borrows all; takes over the host's numbers. `step`: on the device.
  DeviceWeights(engine::LayerWeights& host, const spec::Job& job, const engine::Plan& plan,
                const kernels::StepValues* step, Work& work);

  const absl::Status& status() const { return pool_.status(); }
  const LayerMatrices& matrices() const { return matrices_; }
  const engine::LayerWeights& host() const { return host_; }
  std::vector<engine::LayerTensor> host_tensors() { return host_.Tensors(); }

  void FromHost();
  void FromHost(const engine::LayerTensor& tensor);
  // All tensors, or one of the host's Tensors().
  void ToHost();
  void ToHost(const engine::LayerTensor& tensor);

  // Part of a step's record: what products read of W; what they read of B.
  void PrepareForward();
  void PrepareSignal();
  // Beside the record, before PrepareSignal: B where it changes by rules of its own.
  void RenewSignal(const engine::StepContext& context);

  // after_update: until the next PrepareSignal the signal passes through what B will be once `sum`
  // is applied; W and R stay.
  void StageSignal(const float* sum);
  // Until the next PrepareSignal the signal passes through W, as under bp.
  void BorrowForward();

  // W, R, bias (or scale and shift) take their part of `sum`.
  void Update(const float* sum);
  // After the last step of an epoch (rule_options.clip_untied).
  void ClipToStart();

  // R of a layer that the output error reaches itself.
  const float* direct_feedback() const { return feedback_; }
  // Running statistics; null where there are none.
  float* running_mean() const { return running_mean_; }
  float* running_variance() const { return running_variance_; }

  // For an audit: W becomes what no sum survives; and is again what it was.
  void PoisonForward();
  void HealForward();

  // Adds the parts of the sum of squares of the gradient: floats of W and of the bias.
  int64_t square_parts() const;
  void PartSquares(const float* sum, double* partials);

  // The sum in the host's order.
  std::vector<float> SumToHost(const float* sum);

 private:
  // A tensor of the host and its numbers here.
  struct Twin {
    std::string name;
    float* values = nullptr;
    int64_t size = 0;
  };

  void Allocate();
  void AllocateSignals();
  static bool IsMatrix(const engine::LayerTensor& tensor);
  // A matrix, its mask or its magnitudes, from the host's order.
  template <typename T>
  void MatrixToDevice(std::span<const T> values, T* to);
  float* Find(const std::string& name) const;
  const uint8_t* MaskOnDevice(std::span<const uint8_t> mask);
  const float* Signal() const;
  void Point(const float* signal);
  kernels::Descent HowItDescends() const;
  kernels::Update UpdateBy(const float* sum) const;
  void Derive(const float* forward, const float* feedback);
  bool feedback_moves() const;
  bool is_matrix() const { return !host_.is_norm(); }

  engine::LayerWeights& host_;
  const engine::PlannedLayer& planned_;
  const engine::ParameterInfo& info_;
  const rules::Formula formula_;
  const rules::Carrier carrier_;
  const spec::Sgd sgd_;
  const bool mean_twice_;
  const bool after_update_;
  const bool rounds_to_bf16_;
  const kernels::StepValues* const step_;
  Work& work_;
  Pool pool_;

  std::vector<Twin> twins_;
  float* forward_ = nullptr;
  float* feedback_ = nullptr;
  float* bias_ = nullptr;
  float* running_mean_ = nullptr;
  float* running_variance_ = nullptr;
  float* forward_velocity_ = nullptr;
  float* feedback_velocity_ = nullptr;
  float* bias_velocity_ = nullptr;
  float* limits_ = nullptr;
  int64_t limits_count_ = 0;
  float* signal_ = nullptr;      // derived or lagging
  float* magnitudes_ = nullptr;  // of rules that redraw them
  const uint8_t* forward_mask_ = nullptr;
  const uint8_t* feedback_mask_ = nullptr;
  float* rounded_forward_ = nullptr;  // bf16
  float* rounded_signal_ = nullptr;
  // after_update: what they will be.
  float* staged_forward_ = nullptr;
  float* staged_forward_velocity_ = nullptr;
  float* staged_feedback_ = nullptr;
  float* staged_feedback_velocity_ = nullptr;
  LayerMatrices matrices_;
};

}  // namespace hebb::gpu

#endif  // HEBB_WORKER_GPU_DEVICE_WEIGHTS_H_
