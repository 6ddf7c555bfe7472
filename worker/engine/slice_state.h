// SPDX-License-Identifier: Apache-2.0
// A network at work on the rows of one slice: its layers' kernels, activations and deltas. The
// working set of one compute thread (or, under after_update, of one slice).
#ifndef HEBB_WORKER_ENGINE_SLICE_STATE_H_
#define HEBB_WORKER_ENGINE_SLICE_STATE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/spec/spec.h"
#include "worker/device/aligned_buffer.h"
#include "worker/engine/engine.h"
#include "worker/engine/parameters.h"
#include "worker/engine/plan.h"
#include "worker/nn/image.h"
#include "worker/nn/layer.h"
#include "worker/nn/loss.h"

namespace hebb::engine {

// Thread-safety: one compute thread at a time. Borrows plan, parameters and scaler. Its results
// depend on the rows given and nothing else.
//
// A step: Prepare, Load, Forward, Loss; then from the last layer to the first LocalUpdate where the
// layer has weights, and SendDown.
class SliceState {
 public:
  static absl::StatusOr<std::unique_ptr<SliceState>> Create(const Plan& plan,
                                                            const Parameters& parameters,
                                                            const nn::ImageScaler& scaler,
                                                            int64_t max_rows);

  // Makes the kernels for a number of rows; allocates only the first time it is seen.
  // RESOURCE_EXHAUSTED: no memory.
  absl::Status Prepare(int64_t rows);

  // Takes the samples' images. OUT_OF_RANGE: a label that is no class.
  // REQUIRES: 1 to max_rows samples, Prepare for that number.
  absl::Status Load(const StepContext& context, std::span<const Sample> samples, bool training);
  absl::Status Forward();

  // Of the first `rows` rows; training: also the last layer's delta.
  nn::LossTotals Loss(const spec::Loss& loss, int64_t rows);

  // Writes the local update of a weighted layer.
  absl::Status LocalUpdate(int layer, float* update);
  // Delivers the layer's delta to its inputs.
  absl::Status SendDown(int layer);

 private:
  SliceState(const Plan& plan, const nn::ImageScaler& scaler, int64_t max_rows);
  absl::Status AddLayer(const PlannedLayer& planned, const Parameters& parameters);
  absl::Status Deliver(int layer, int input);
  nn::Layer::Trace TraceOf(int layer) const;
  float* DeltaOf(int layer) { return deltas_[plan_.layers[layer].delta_slot].data(); }

  const Plan& plan_;
  const nn::ImageScaler& scaler_;
  const int64_t max_rows_;

  nn::Batch batch_;
  int64_t batch_size_ = 0;  // of the whole gang
  std::vector<int64_t> ids_;
  std::vector<int32_t> labels_;

  device::FloatBuffer image_;
  std::vector<std::unique_ptr<nn::Layer>> layers_;
  std::vector<device::FloatBuffer> outputs_;             // by layer
  std::vector<std::vector<const float*>> layer_inputs_;  // by layer: outputs, or the image
  std::vector<device::FloatBuffer> deltas_;              // by slot
  device::FloatBuffer scratch_;
};

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_SLICE_STATE_H_
