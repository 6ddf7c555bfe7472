// SPDX-License-Identifier: Apache-2.0
// One layer of a network at work on all rows of a step. What a row gets depends on that row alone;
// what depends on a slice, its local update, on that slice's rows alone: library calls, whose sums
// may be ordered by the number of rows, are made slice by slice.
//
// Activations are float32, channels last: [row][y][x][channel] (nn/layer.h).
#ifndef HEBB_WORKER_GPU_LAYER_H_
#define HEBB_WORKER_GPU_LAYER_H_

#include <cstdint>
#include <memory>
#include <span>

#include "worker/engine/plan.h"
#include "worker/gpu/kernels/activation.h"
#include "worker/gpu/rows.h"
#include "worker/gpu/slice_sums.h"
#include "worker/gpu/work.h"

namespace hebb::gpu {

// The matrices of a layer, on the device; the pointers stay the same. A convolution's lie as
// [filter][ky][kx][channel], all others as in nn/.
struct LayerMatrices {
  const float* forward = nullptr;   // W; of batch_norm: the scale
  const float* feedback = nullptr;  // B, that carries the signal down
  const float* bias = nullptr;      // null: none; of batch_norm: the shift
  const float* running_mean = nullptr;
  const float* running_variance = nullptr;
};

// Memory that layers use one after the other.
struct Scratch {
  float* input = nullptr;      // of the largest input of a weighted layer, all rows
  float* output = nullptr;     // of the largest output, all rows
  double* partials = nullptr;  // of sums in two steps
  double* totals = nullptr;    // of batch normalisations: [slice][2][channel]
};

struct LayerTools {
  Work& work;
  const Scratch& scratch;
  bool rounds_to_bf16 = false;
};

// The inputs and the output of the last Forward.
struct Trace {
  std::span<const float* const> inputs;
  float* output = nullptr;
};

// Where a local update goes: from `first` on in each part (of a slice), and in the nodes.
struct UpdatePlace {
  const SliceSums& sums;
  int sum = 0;
  int64_t first = 0;
};

// Thread-safety: one thread at a time. Errors are the work's. Between Prepare and the next one
// nothing is allocated, so that the rest may be recorded.
class Layer {
 public:
  virtual ~Layer() = default;

  // Makes ready for slices of these sizes.
  virtual void Prepare(const Rows&) {}

  virtual void Forward(const Rows& rows, const Trace& trace) = 0;

  // delta becomes d, in place.
  virtual void Gate(const Rows&, const Trace&, float* /*delta*/) {}

  // Weighted layers: writes sum d x^T into the parts of all slices; folds nothing, but where
  // folds_itself.
  virtual void WeightUpdate(const Rows&, const Trace&, const float* /*d*/, const UpdatePlace&) {}
  // The same of relu(x) for R (the asymmetric update).
  virtual void PositiveUpdate(const Rows&, const Trace&, const float* /*d*/, const UpdatePlace&) {}
  // sum d, of layers with a bias.
  virtual void BiasUpdate(const Rows&, const float* /*d*/, const UpdatePlace&) {}
  virtual bool folds_itself() const { return false; }

  // Where this layer's delta lies, and the gate that makes d of it.
  virtual kernels::GatedDelta Gated(const Trace&, float* delta) const { return {delta}; }
  // Writes the delta of an input from d; through that input's gate, where gates_inputs.
  virtual void Backward(const Rows& rows, const Trace& trace, const float* d, int input,
                        const kernels::GatedDelta& input_delta) = 0;
  virtual bool gates_inputs() const { return false; }
  // True where Backward would copy.
  virtual bool passes_delta() const { return false; }
};

// Batch normalisation has more to say (norm_layer.cc). A step: PartStatistics and, over the batch,
// TakeStatistics, or else OwnStatistics; Forward; Gate; NormUpdate and, over the batch, TakeUpdate;
// Backward.
class NormLayer : public Layer {
 public:
  virtual bool over_batch() const = 0;
  // sum x and sum x^2 of each slice.
  virtual void PartStatistics(const Rows& rows, const float* input, const UpdatePlace& to) = 0;
  // Of the whole batch: `sums` on the device, as floats.
  virtual void TakeStatistics(const Rows& rows, const float* sums) = 0;
  // The slices' own, exact ones; after PartStatistics.
  virtual void OwnStatistics(const Rows& rows) = 0;
  virtual void RunningStatistics() = 0;
  virtual void NormUpdate(const Rows& rows, const Trace& trace, const float* d,
                          const UpdatePlace& to) = 0;
  virtual void TakeUpdate(const Rows& rows, const float* update) = 0;
  // Makes the running statistics follow.
  virtual void FollowRunning(const Rows& rows, const float* sums, float* mean, float* variance) = 0;
};

// An activation, with the record of its gates where it needs one.
class Sigma {
 public:
  // Takes its record, for `rows` rows, from the pool.
  Sigma(spec::Activation activation, int64_t units, int64_t rows, Pool& pool);

  // Fields become outputs, in place; entry (unit mod biases) of the bias is added first.
  void Forward(const Rows& rows, const float* bias, int64_t biases, float* values, Work& work);
  kernels::GatedDelta Gated(const float* outputs, float* delta) const {
    return {delta, kind_, outputs, open_};
  }
  void Gate(const Rows& rows, const float* outputs, float* delta, Work& work) const;

  kernels::Sigma kind() const { return kind_; }
  uint8_t* open() const { return open_; }

 private:
  const kernels::Sigma kind_;
  const int64_t units_;  // of a row
  uint8_t* open_ = nullptr;
};

// Sums by column over the lines of each slice, in two steps. Lines: [row][place].
void SumColumns(const Rows& rows, int64_t places, int64_t columns, const float* values,
                const UpdatePlace& to, const LayerTools& tools);
kernels::SliceParts PartsOf(const Rows& rows, int64_t places, int64_t columns);
// Partial sums, [slice][part][column], with room behind them (WithGroups).
struct Partials {
  double* sums = nullptr;
  int64_t parts = 0;
};
// Adds up groups of parts until there are few. What is given stays as it is.
Partials Group(Partials partials, int64_t slices, int64_t columns, Work& work);
// Parts, and room for their groups, of one column of one slice.
int64_t WithGroups(int64_t parts);
// The last steps of such sums: from the partials in the scratch, [slice][part][column], which stay
// as they are, to to[slice * stride + column]. T: float or double.
template <typename T>
void TotalParts(const Rows& rows, int64_t parts, int64_t columns, T* to, size_t stride,
                const LayerTools& tools);
// Doubles that the partials of such sums need; pairs need twice that.
int64_t PartialsOf(int slices, int64_t most_rows, int64_t places, int64_t columns);

// How many floats of Scratch a layer needs for each row, and doubles for each step.
struct ScratchNeed {
  int64_t input = 0;
  int64_t output = 0;
  int64_t partials = 0;
  int64_t totals = 0;
};
ScratchNeed NeedOf(const engine::PlannedLayer& planned, int slices, int64_t most_rows);

// `max_rows`: of all slices. `matrices`: of a layer that learns, borrowed. What it allocates comes
// from the pool.
struct LayerPlace {
  const LayerTools& tools;
  Pool& pool;
  const engine::PlannedLayer& planned;
  int index;  // of the layer
  const LayerMatrices* matrices;
  int64_t max_rows;
  int max_slices;
  uint64_t seed;
};
std::unique_ptr<Layer> MakeLayer(const LayerPlace& place);

// By kind, for MakeLayer.
std::unique_ptr<Layer> MakeConvLayer(const LayerPlace& place, const spec::Conv& conv);
std::unique_ptr<Layer> MakeUntiedLayer(const LayerPlace& place, const spec::Conv& conv);
std::unique_ptr<Layer> MakeDenseLayer(const LayerPlace& place, const spec::Dense& dense);
std::unique_ptr<Layer> MakeMaxPool(const LayerPlace& place, const spec::MaxPool& pool);
std::unique_ptr<Layer> MakeAvgPool(const LayerPlace& place, const spec::AvgPool& pool);
std::unique_ptr<Layer> MakeGlobalAvgPool(const LayerPlace& place);
std::unique_ptr<Layer> MakeNormLayer(const LayerPlace& place, const spec::BatchNorm& norm);
std::unique_ptr<Layer> MakeDropout(const LayerPlace& place, const spec::Dropout& dropout);
std::unique_ptr<Layer> MakeAdd(const LayerPlace& place, const spec::Add& add);

}  // namespace hebb::gpu

#endif  // HEBB_WORKER_GPU_LAYER_H_
