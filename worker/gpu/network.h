// SPDX-License-Identifier: Apache-2.0
// A network on the device, for the slices of one rank: its layers, the memory of their outputs and
// deltas, and what can be done with one layer at a time. Everything but Begin may be recorded.
#ifndef HEBB_WORKER_GPU_NETWORK_H_
#define HEBB_WORKER_GPU_NETWORK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/spec/spec.h"
#include "worker/engine/engine.h"
#include "worker/engine/plan.h"
#include "worker/gpu/device_weights.h"
#include "worker/gpu/layer.h"
#include "worker/gpu/record_table.h"
#include "worker/gpu/rows.h"
#include "worker/gpu/slice_sums.h"
#include "worker/gpu/work.h"
#include "worker/nn/augment.h"

namespace hebb::gpu {

using WeightsByParameter = std::vector<std::unique_ptr<DeviceWeights>>;

// What networks of one engine share, all borrowed.
struct NetworkParts {
  const engine::Plan& plan;
  const WeightsByParameter& weights;
  RecordTable& records;
  const nn::Augmenter& augmenter;
  const spec::Loss& loss;
  const float* image_table;         // on the device: [channel][byte]
  const kernels::StepValues* step;  // on the device
  uint64_t seed = 0;
  double mirror_noise = 0;
};

// One thread at a time. Errors are the work's, and of the memory status()'s.
//
// A step: Begin, LoadImages, for each layer (Statistics, TakeStatistics where it has batch
// statistics) Forward, Loss; then from the last layer to the first BeginBackward, Update where it
// learns (TakeUpdate), SendDown.
class Network {
 public:
  // `max_rows` of all slices, `slice_rows` of the largest.
  Network(const NetworkParts& parts, const slices::Fold& fold, int64_t max_rows, int64_t slice_rows,
          Work& work);

  const absl::Status& status() const { return status_; }
  // Of a step; of a look, whose one slice has normalisations' sums only.
  const SliceSums& sums() const { return *current_; }
  const Rows& rows() const { return rows_; }

  // What rows are for. Looks take one slice and leave the sums of the last step alone.
  enum class Use { kStep, kTrainingLook, kEvaluation };

  // Takes these samples as slices. `counted`: how many of all rows the totals are over.
  // OUT_OF_RANGE: a label that is no class.
  absl::Status Begin(int64_t epoch, std::span<const std::span<const engine::Sample>> slices,
                     Use use, int64_t counted);

  void LoadImages();
  // The slices' part of a normalisation's sums, and their nodes.
  void Statistics(int layer);
  // Of the whole batch, on the device.
  void TakeStatistics(int layer, const float* sums);
  void Forward(int layer);
  // Of all slices, for FetchTotals; in training also the last layer's delta.
  void Loss();

  // Makes d of the layer's delta; under direct feedback also the delta. False: the layer has none.
  bool BeginBackward(int layer, bool direct);
  void Gate(int layer);
  // The local update of a layer that learns: parts and nodes. A mirror's part is UpdateMirror's,
  // which spoils what the layer remembers.
  void Update(int layer);
  void UpdateMirror(int layer);
  // batch_norm over the batch: of the whole batch, on the device.
  void TakeUpdate(int layer, const float* update);
  // batch_norm: makes the running statistics follow the sums of the whole batch.
  void FollowRunning(int layer, const float* sums, float* mean, float* variance);
  // Delivers d to the inputs. `saturates`: clipped where the rule wants it.
  void SendDown(int layer, bool saturates);

  // By slice: begins to bring the loss's totals to the host; waits for them, not for what was begun
  // since.
  void FetchTotals() { work_.Fetch(totals_, rows_.slices()); }
  std::vector<kernels::RowLoss> FetchedTotals();
  // Waits. A layer's output, or delta, of all rows.
  std::vector<float> ReadOutput(int layer);
  std::vector<float> ReadDelta(int layer);
  // Waits. sigma' of each unit, right after Forward.
  std::vector<float> ReadSlopes(int layer);

 private:
  void Allocate(int64_t slice_rows);
  void AddLayers();
  int64_t Units(int layer) const { return parts_.plan.layers[layer].resolved.output.size(); }
  Trace TraceOf(int layer);
  NormLayer* norm(int layer) const;
  UpdatePlace PlaceOf(int sum, int64_t first = 0) const { return {*current_, sum, first}; }
  void FillBlock(int64_t epoch, std::span<const std::span<const engine::Sample>> slices,
                 int64_t counted);
  void Deliver(int layer, int input, bool saturates);
  void PassDown(int layer, int input, bool saturates, float* arrival);
  void DirectDelta(int layer);
  void PlanGates();
  // Whether the layer above has made d of the delta already.
  bool GatedAbove(int layer) const;

  const NetworkParts parts_;
  const int64_t max_rows_;
  const int max_slices_;
  Work& work_;
  absl::Status status_;
  Pool pool_;
  Scratch scratch_;
  LayerTools tools_;
  std::unique_ptr<SliceSums> sums_;       // of steps
  std::unique_ptr<SliceSums> look_sums_;  // of looks
  const SliceSums* current_ = nullptr;
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<float*> outputs_;                    // by layer
  std::vector<float*> deltas_;                     // by slot of the plan
  std::vector<std::vector<const float*>> inputs_;  // by layer
  std::vector<char> gated_above_;                  // by layer
  bool is_step_ = false;                           // the rows are a step's
  float* images_ = nullptr;
  float* arrivals_ = nullptr;  // of deltas that are added to others
  float* noise_ = nullptr;     // mirrors only
  float* response_ = nullptr;
  kernels::RowLoss* losses_ = nullptr;      // by row
  kernels::RowLoss* loss_parts_ = nullptr;  // by slice and part
  kernels::RowLoss* totals_ = nullptr;      // by slice

  Rows rows_;
  std::vector<std::byte> block_;  // on the host
  std::byte* device_block_ = nullptr;
  std::vector<const uint8_t*> places_;
  std::vector<engine::Sample> samples_;
};

}  // namespace hebb::gpu

#endif  // HEBB_WORKER_GPU_NETWORK_H_
