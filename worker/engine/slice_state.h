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
#include "worker/nn/augment.h"
#include "worker/nn/image.h"
#include "worker/nn/layer.h"
#include "worker/nn/loss.h"

namespace hebb::engine {

// How records become a network's input. Immutable.
struct Images {
  nn::ImageScaler scaler;
  nn::Augmenter augmenter;  // in training only
};

// Thread-safety: one compute thread at a time. Borrows plan, parameters and images. Its results
// depend on the rows given and nothing else.
//
// A step: Prepare, Load, for each layer (Statistics and TakeStatistics where it has batch
// statistics) Forward, Loss; then from the last layer to the first BeginBackward, LocalUpdate where
// it learns, and SendDown.
class SliceState {
 public:
  static absl::StatusOr<std::unique_ptr<SliceState>> Create(const Plan& plan,
                                                            const Parameters& parameters,
                                                            const Images& images, int64_t max_rows);
  int layers() const { return static_cast<int>(layers_.size()); }
  int64_t rows() const { return batch_.rows; }

  // Makes the kernels for a number of rows; allocates only the first time it is seen.
  // RESOURCE_EXHAUSTED: no memory.
  absl::Status Prepare(int64_t rows);

  // Takes the samples' images. OUT_OF_RANGE: a label that is no class.
  // REQUIRES: 1 to max_rows samples, Prepare for that number.
  absl::Status Load(const StepContext& context, std::span<const Sample> samples, bool training);
  absl::Status Forward(int layer);
  // The layer's part of the batch statistics; null where it has none, or not of the whole batch.
  nn::BatchStatistics* batch_statistics(int layer) { return layers_[layer]->batch_statistics(); }
  void Statistics(int layer, float* part);

  // Of the first `rows` rows; training: also the last layer's delta.
  nn::LossTotals Loss(const spec::Loss& loss, int64_t rows);

  // Where the layer's delta lies. Under direct feedback (`direct`) it is made here.
  float* BeginBackward(int layer, bool direct);
  // Turns the delta into d.
  void Gate(int layer) { layers_[layer]->Gate(TraceOf(layer), DeltaOf(layer)); }
  // Writes the local update of a layer that learns (PlannedLayer::update), all but a mirror's part.
  absl::Status LocalUpdate(int layer, float* update);
  // Sends noise through a weighted layer and writes sum y n^T; spoils what the layer remembers.
  absl::Status MirrorUpdate(int layer, const StepContext& context, double width, float* update);
  // Delivers the layer's delta to its inputs; `saturates`: clipped where the rule wants it.
  absl::Status SendDown(int layer, bool saturates = true);

  // Of the layer's units in this forward pass: the share whose slope is below 1 % of the steepest,
  // and of those that put out 0.
  double SaturatedShare(int layer);
  double SilentShare(int layer) const;

 private:
  SliceState(const Plan& plan, const Parameters& parameters, const Images& images,
             int64_t max_rows);
  absl::Status AddLayer(const PlannedLayer& planned);
  absl::Status Deliver(int layer, int input, bool saturates);
  absl::Status PassDown(int layer, int input, bool saturates, float* arrival);
  nn::Layer::Trace TraceOf(int layer) const;
  int64_t Units(int layer) const {
    return batch_.rows * plan_.layers[layer].resolved.output.size();
  }
  float* DeltaOf(int layer) { return deltas_[plan_.layers[layer].delta_slot].data(); }

  const Plan& plan_;
  const Parameters& parameters_;
  const Images& images_;
  const int64_t max_rows_;

  nn::Batch batch_;
  int64_t batch_size_ = 0;  // of the whole gang
  std::vector<int64_t> ids_;
  std::vector<int32_t> labels_;

  device::FloatBuffer image_;
  std::vector<uint8_t> augmented_;  // of one sample
  std::vector<std::unique_ptr<nn::Layer>> layers_;
  std::vector<device::FloatBuffer> outputs_;             // by layer
  std::vector<std::vector<const float*>> layer_inputs_;  // by layer: outputs, or the image
  std::vector<device::FloatBuffer> deltas_;              // by slot
  device::FloatBuffer scratch_;
  device::FloatBuffer noise_;  // mirrors only
  device::FloatBuffer response_;
};

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_SLICE_STATE_H_
