// SPDX-License-Identifier: Apache-2.0
// One layer of a network at work on one slice of a batch, or (joint_layer.h) on all of a rank's.
//
// Activations are float32, channels last: [row][y][x][channel]. A layer with an activation puts out
// x = sigma(h), h its field; the error that arrives from above is delta = dLoss/dx, and
// d = sigma'(h) .* delta (paper.md 1). Canonical order means channels first, as in files.
#ifndef HEBB_WORKER_NN_LAYER_H_
#define HEBB_WORKER_NN_LAYER_H_

#include <cstdint>
#include <span>

#include "absl/status/status.h"

namespace hebb::nn {

// The rows that pass through a network together, and what its random draws are keyed by.
struct Batch {
  int64_t rows = 0;
  bool training = false;  // false: no dropout
  uint64_t seed = 0;
  int64_t epoch = 0;
  std::span<const int64_t> ids;  // sample number of each row
};

// The matrices of a layer in the form that its kernels read. The pointers stay valid and the same
// while layers use them; what they point to changes only between steps (or, for `feedback` under
// after_update, between a layer's LocalUpdate and its Backward).
struct LayerMatrices {
  const float* forward = nullptr;   // of W; of batch_norm: the scale, by channel
  const float* feedback = nullptr;  // of the matrix that carries the signal down
  const float* bias = nullptr;      // by filter or unit, null without; of batch_norm: the shift
  // Of batch_norm, by channel: what it normalises with outside of training.
  const float* running_mean = nullptr;
  const float* running_variance = nullptr;
};

// Where a layer writes its local update, summed over its rows (and places).
struct UpdateParts {
  float* forward = nullptr;   // G = sum d x_{l-1}^T; of batch_norm: of the scale
  float* feedback = nullptr;  // sum d relu(x_{l-1})^T where R's increment is that, else null
  float* bias = nullptr;      // sum d, null without; of batch_norm: of the shift
};

// What a layer that normalises over the whole batch needs of the other slices within a step.
class BatchStatistics {
 public:
  virtual ~BatchStatistics() = default;

  // Whether Forward in training waits for Take; otherwise it takes the slice's own statistics, and
  // the sums serve the running statistics only.
  virtual bool over_batch() const = 0;

  // Writes sum x, then sum x^2, by channel, over the rows and places of this slice.
  virtual void Part(const Batch& batch, const float* input, float* part) const = 0;

  // The sums of all slices' parts, over `places` values a channel; before Forward.
  virtual void Take(std::span<const float> sums, int64_t places) = 0;

  // The sums of all slices' updates (scale, then shift); before Backward.
  virtual void TakeUpdate(std::span<const float> sums) = 0;
};

// Thread-safety: one thread at a time; several layers made alike may share LayerMatrices. What a
// layer puts out for given rows depends on these rows alone. It remembers what its backward pass
// needs (a gate, a maximum's place) until the next Forward.
class Layer {
 public:
  virtual ~Layer() = default;

  // Makes ready for that many rows; allocates only the first time a number of rows is seen.
  virtual absl::Status Prepare(int64_t rows) = 0;

  // x from the inputs. `output` is none of the inputs.
  virtual absl::Status Forward(const Batch& batch, std::span<const float* const> inputs,
                               float* output) = 0;

  // What the backward pass sees of one layer: the inputs and output of the last Forward.
  struct Trace {
    int64_t rows = 0;
    std::span<const float* const> inputs;
    const float* output = nullptr;
    // JointUpdate only: where each slice's rows begin, and the end.
    std::span<const int64_t> offsets = {};
  };

  // Turns delta into d in place, where the layer has an activation. Before the two below.
  virtual void Gate(const Trace&, float*) {}

  // Weighted layers only: writes the parts that are not null, in the layer's internal layout.
  virtual absl::Status LocalUpdate(const Trace& trace, const float* d, const UpdateParts& parts);
  // Joint layers (joint_layer.h) only, instead: the parts of each node of the slice tree.
  virtual absl::Status JointUpdate(const Trace& trace, const float* d,
                                   std::span<const UpdateParts> nodes);

  // Writes the delta of input number `input` from d.
  virtual absl::Status Backward(const Trace& trace, const float* d, int input,
                                float* input_delta) = 0;

  // True where Backward would copy: an add's inputs all receive its delta.
  virtual bool passes_delta() const { return false; }

  // Null but for batch normalisation.
  virtual BatchStatistics* batch_statistics() { return nullptr; }
};

inline absl::Status Layer::LocalUpdate(const Trace&, const float*, const UpdateParts&) {
  return absl::InternalError("this layer has no weights of its own for a slice");
}

inline absl::Status Layer::JointUpdate(const Trace&, const float*, std::span<const UpdateParts>) {
  return absl::InternalError("this layer has no weights for all slices");
}

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_LAYER_H_
