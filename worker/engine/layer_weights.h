// SPDX-License-Identifier: Apache-2.0
// All that one learning layer keeps: W, R, bias (or batch normalisation's scale, shift and running
// statistics), velocities, masks of removed connections, and the forms that its kernels read.
#ifndef HEBB_WORKER_ENGINE_LAYER_WEIGHTS_H_
#define HEBB_WORKER_ENGINE_LAYER_WEIGHTS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/random.h"
#include "common/spec/spec.h"
#include "worker/device/aligned_buffer.h"
#include "worker/engine/engine.h"
#include "worker/engine/plan.h"
#include "worker/nn/conv_kernels.h"
#include "worker/nn/draw.h"
#include "worker/nn/layer.h"
#include "worker/rules/rule.h"

namespace hebb::engine {

// One named tensor of a layer: its memory in internal layout, its canonical shape, and how the one
// becomes the other.
struct LayerTensor {
  std::string name;  // "<layer>.weight", "optimizer/<layer>.weight" ...
  std::vector<int64_t> shape;
  std::span<float> values;
  enum class Layout { kMatrix, kDirect, kPlain } layout = Layout::kPlain;
  bool beside_weights = false;  // of "optimizer/" or "state/"
};

// Thread-safety: one thread at a time; the pieces of Update may run in parallel.
class LayerWeights {
 public:
  // Draws the first values (paper.md 3). To be called on a compute thread. INTERNAL: the library
  // refused.
  static absl::StatusOr<std::unique_ptr<LayerWeights>> Create(const Plan& plan, int parameter,
                                                              const spec::Job& job, int draw);

  // In the forms that the kernels read; valid as long as this object.
  const nn::LayerMatrices& prepared() const { return prepared_; }
  const PlannedLayer& planned() const { return planned_; }
  const rules::Rule& rule() const { return *rule_; }
  bool is_norm() const { return kind_ == Kind::kNorm; }
  std::span<const float> forward() const { return forward_.span(); }
  std::span<const float> feedback() const { return feedback_.span(); }

  // What a device that keeps the numbers itself must know of them (worker/gpu/).
  const ParameterInfo& info() const { return info_; }
  bool is_tied_conv() const { return kind_ == Kind::kConv; }
  nn::Fans fans() const { return fans_; }
  bool lags() const { return lags_; }
  std::span<const uint8_t> forward_mask() const { return forward_mask_; }  // empty: all connections
  std::span<const uint8_t> feedback_mask() const { return feedback_mask_; }
  rules::Descent DescentOf(const StepContext& context, bool of_feedback, float scale) const;
  // Draws the magnitudes of this step, of rules that redraw them.
  std::span<const float> DrawMagnitudes(const StepContext& context);

  // Brings the forward pass's form up to date.
  absl::Status PrepareForward();
  // Brings B up to date, where it is no plain view of a matrix. On a compute thread.
  absl::Status PrepareSignal(const StepContext& context);
  // after_update: until the next PrepareSignal the signal passes through what B will be once `sum`
  // is applied; W and R stay.
  absl::Status StageSignal(std::span<const float> sum, const StepContext& context);
  // Until the next PrepareSignal the signal passes through W, as under bp.
  absl::Status BorrowForward();

  // For an audit: replaces W, in all its forms, by what no sum survives; and brings it back.
  void PoisonForward();
  absl::Status HealForward();

  // The floats [begin, begin + count) of W and R take their part of `sum`. `scale` is of the
  // gradient (clipping). `scratch`: as many floats as there are in both parts.
  void UpdateMatrices(std::span<const float> sum, const StepContext& context, float scale,
                      size_t begin, size_t count, std::span<float> scratch);
  // The bias, or all of batch normalisation; `statistics`: the sums over `places` values a channel.
  void UpdateRest(std::span<const float> sum, std::span<const float> statistics,
                  const StepContext& context, float scale);
  // After the last step of an epoch (rule_options.clip_untied).
  void ClipToStart();

  // Every tensor, for export and import.
  std::vector<LayerTensor> Tensors();
  void ToCanonical(const LayerTensor& tensor, float* canonical) const;
  void FromCanonical(const float* canonical, LayerTensor::Layout layout,
                     std::span<float> values) const;
  // To be called once values were imported. `beside`: those of "state/" were among them.
  void Imported(bool beside);

  // cos(W, R), where there is an R of W's shape.
  std::optional<double> Cosine() const;
  // The sum of squares of what `sum` changes in W and the bias (or of batch normalisation), before
  // any rate: neither frozen layers nor removed connections change.
  double UpdateSquares(std::span<const float> sum) const;
  // The norms of the steps that `sum` makes W and R take, R's where it takes any.
  double ForwardNorm(std::span<const float> sum, const StepContext& context) const;
  std::optional<double> FeedbackNorm(std::span<const float> sum, const StepContext& context) const;

 private:
  enum class Kind { kConv, kUntied, kDense, kNorm };

  LayerWeights(const Plan& plan, int parameter, const spec::Job& job);
  absl::Status Allocate();
  void Draw(int draw);
  void DrawMatrix(RandomPurpose purpose, uint32_t epoch, std::span<float> to);
  void DrawMasks();
  void UpdateRunning(std::span<const float> statistics, const StepContext& context);
  void Derive(std::span<const float> forward, std::span<const float> feedback);
  std::span<const float> Masked(std::span<const float> gradient, const std::vector<uint8_t>& mask,
                                size_t begin, std::span<float> scratch) const;
  rules::LayerStep StepOn(std::span<const float> sum, const StepContext& context, float scale,
                          size_t begin, size_t count, std::span<float> scratch) const;
  static rules::Weights Part(device::FloatBuffer& values, device::FloatBuffer& velocity,
                             size_t begin, size_t count);
  static void ZeroRemoved(const std::vector<uint8_t>& mask, std::span<float> values);
  // Where B lies before it is packed.
  std::span<const float> Signal() const;
  absl::Status PackSignal(std::span<const float> signal);

  // Constant after construction.
  const PlannedLayer planned_;
  const ParameterInfo info_;
  const int64_t classes_;
  const spec::Sgd sgd_;
  const spec::RuleOptions options_;
  const spec::Distribution distribution_;
  const uint64_t seed_;
  const bool same_start_;
  Kind kind_ = Kind::kDense;
  nn::ConvShape shape_;  // of kConv and kUntied
  std::unique_ptr<rules::Rule> rule_;
  nn::Fans fans_;
  bool after_update_ = false;
  bool bf16_ = false;
  bool lags_ = false;  // the signal is that of the epoch's start

  device::FloatBuffer forward_;
  device::FloatBuffer feedback_;
  device::FloatBuffer bias_;
  device::FloatBuffer running_mean_;
  device::FloatBuffer running_variance_;
  device::FloatBuffer forward_velocity_;
  device::FloatBuffer feedback_velocity_;
  device::FloatBuffer bias_velocity_;
  device::FloatBuffer signal_;         // derived, staged or lagging B
  device::FloatBuffer magnitudes_;     // of this step, for rules that redraw them
  device::FloatBuffer staging_;        // after_update: what W, R and their velocities will be
  std::vector<uint8_t> forward_mask_;  // 1: the connection exists; empty: all do
  std::vector<uint8_t> feedback_mask_;
  std::vector<float> healthy_;  // W while it is poisoned
  std::vector<float> limits_;   // clip_untied: of W and R
  std::vector<float> draws_;    // of DrawMatrix, in canonical order; kept where it comes again

  // Convolutions only.
  nn::ConvScratch packers_scratch_;  // never used: packing needs none
  std::unique_ptr<nn::ConvKernels> packer_;
  device::FloatBuffer packed_forward_;
  device::FloatBuffer packed_feedback_;
  nn::LayerMatrices prepared_;
};

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_LAYER_WEIGHTS_H_
