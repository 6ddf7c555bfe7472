// SPDX-License-Identifier: Apache-2.0
// A network at work on a block of the rank's rows: one slice's, or, for the joint layers, all.
#ifndef HEBB_WORKER_ENGINE_ROW_BLOCK_H_
#define HEBB_WORKER_ENGINE_ROW_BLOCK_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/spec/spec.h"
#include "worker/device/aligned_buffer.h"
#include "worker/device/compute_pool.h"
#include "worker/engine/engine.h"
#include "worker/engine/parameters.h"
#include "worker/engine/plan.h"
#include "worker/engine/step_memory.h"
#include "worker/nn/augment.h"
#include "worker/nn/bf16.h"
#include "worker/nn/image.h"
#include "worker/nn/layer.h"
#include "worker/nn/loss.h"
#include "worker/slices/fold.h"

namespace hebb::engine {

// How records become a network's input. Immutable.
struct Images {
  nn::ImageScaler scaler;
  nn::Augmenter augmenter;  // in training only
};

// What the blocks of one engine share, all borrowed.
struct BlockParts {
  const Plan& plan;
  const Parameters& parameters;
  const Images& images;
  StepMemory& memory;
  device::ComputePool& pool;
  const slices::Fold& fold;  // from the rank's slices to their nodes
};

// Thread-safety: one thread at a time; several blocks at once, if their rows are apart. The block
// of a slice has all layers but the joint ones and is used on compute threads; the other one has
// the joint layers and is used beside them. Results depend on the rows given and nothing else.
//
// A step: Begin, Load (of a joint block Prepare), for each layer (Statistics where it has batch
// statistics) Forward, Loss; then from the last layer to the first Restore, BeginBackward, Gate,
// LocalUpdate or JointUpdate where it learns, and SendDown. A pass runs on one thread.
class RowBlock {
 public:
  enum class Kind { kSlice, kJoint };

  // `max_rows`: of this block.
  static absl::StatusOr<std::unique_ptr<RowBlock>> Create(const BlockParts& parts, Kind kind,
                                                          int64_t max_rows);
  int layers() const { return static_cast<int>(layers_.size()); }
  int64_t rows() const { return batch_.rows; }

  // Makes the kernels for a number of rows; allocates only the first time it is seen.
  // RESOURCE_EXHAUSTED: no memory.
  absl::Status Prepare(int64_t rows);

  // Takes over the rows [first, first + rows) of the memory.
  void Begin(const StepContext& context, int64_t first, int64_t rows, bool training);
  // Whose memory it uses for what lives within a pass. A joint block is thread 0's.
  void OnThread(int thread) { thread_ = thread; }

  // Prepares for its rows and takes their images. OUT_OF_RANGE: a label that is no class.
  absl::Status Load(std::span<const Sample> samples);
  absl::Status Forward(int layer);
  // The layer's part of the batch statistics; null where it has none.
  nn::BatchStatistics* batch_statistics(int layer) { return layers_[layer]->batch_statistics(); }
  void Statistics(int layer, float* part);

  // Of the first `rows` rows; training: also the last layer's delta.
  nn::LossTotals Loss(const spec::Loss& loss, int64_t rows);

  // Where the layer's delta lies. Under direct feedback (`direct`) it is made here.
  float* BeginBackward(int layer, bool direct);
  // Makes outputs again that the layer's way down, and that of layers below, reads.
  absl::Status Restore(int layer);
  // Turns the delta into d.
  void Gate(int layer) { layers_[layer]->Gate(TraceOf(layer), DeltaOf(layer)); }
  // Writes the local update of a layer that learns (PlannedLayer::update), all but a mirror's part.
  absl::Status LocalUpdate(int layer, float* update);
  // The same of a joint layer, for each node; `offsets`: of the slices in these rows.
  absl::Status JointUpdate(int layer, std::span<const int64_t> offsets,
                           std::span<float* const> nodes);
  // Sends noise through a weighted layer and writes sum y n^T; spoils what the layer remembers.
  // `updates`: one, or a joint layer's nodes.
  absl::Status MirrorUpdate(int layer, const StepContext& context, double width,
                            std::span<const int64_t> offsets, std::span<float* const> updates);
  // Delivers the layer's delta to its inputs; `saturates`: clipped where the rule wants it.
  absl::Status SendDown(int layer, bool saturates = true);

  // Of the layer's units, right after its Forward: the share whose slope is below 1 % of the
  // steepest, and of those that put out 0.
  double SaturatedShare(int layer);
  double SilentShare(int layer);

 private:
  RowBlock(const BlockParts& parts, Kind kind, int64_t max_rows);
  absl::Status AddLayer(const PlannedLayer& planned);
  absl::Status Deliver(int layer, int input, bool saturates);
  absl::Status PassDown(int layer, int input, bool saturates, float* arrival);
  nn::Layer::Trace TraceOf(int layer) {
    return {batch_.rows, InputsOf(layer), OutputOf(layer), {}};
  }
  std::span<const float* const> InputsOf(int layer);
  float* OutputOf(int layer) { return parts_.memory.output(layer, first_, thread_); }
  nn::UpdateParts PartsOf(int layer, float* update) const;
  int64_t Units(int layer) const {
    return batch_.rows * parts_.plan.layers[layer].resolved.output.size();
  }
  float* DeltaOf(int layer) { return parts_.memory.delta(layer, first_, thread_); }

  const BlockParts parts_;
  const Kind kind_;
  const int64_t max_rows_;

  nn::Batch batch_;
  int64_t first_ = 0;
  int thread_ = 0;
  int64_t batch_size_ = 0;  // of the whole gang

  std::vector<int64_t> prepared_;                        // numbers of rows met so far
  std::vector<uint8_t> augmented_;                       // one sample
  std::vector<std::unique_ptr<nn::Layer>> layers_;       // null: another block's
  std::vector<std::vector<const float*>> layer_inputs_;  // by layer (InputsOf)
  nn::ConvScratch scratch_;                              // of all layers, one after the other
  device::FloatBuffer noise_;                            // mirrors only
  device::FloatBuffer response_;
  std::vector<nn::UpdateParts> node_parts_;
};

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_ROW_BLOCK_H_
