// SPDX-License-Identifier: Apache-2.0
// One layer of a network at work on one slice of a batch.
//
// Activations are float32, channels last: [row][y][x][channel]. A weighted layer's output is
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

// The matrices of a weighted layer in the form that its kernels read. The pointers stay valid and
// the same while layers use them; what they point to changes only between steps (or, for
// `feedback` under after_update, between a layer's LocalUpdate and its Backward).
struct LayerMatrices {
  const float* forward = nullptr;   // of W
  const float* feedback = nullptr;  // of the matrix that carries the signal down
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
  };

  // Weighted layers only: turns delta into d in place, then writes G = sum over rows of
  // d x_{l-1}^T in the layer's internal layout.
  virtual absl::Status LocalUpdate(const Trace& trace, float* delta, float* update);

  // Writes the delta of input number `input`. Weighted layers take d, as LocalUpdate left it.
  virtual absl::Status Backward(const Trace& trace, const float* delta, int input,
                                float* input_delta) = 0;

  // True where Backward would copy: an add's inputs all receive its delta.
  virtual bool passes_delta() const { return false; }
};

inline absl::Status Layer::LocalUpdate(const Trace&, float*, float*) {
  return absl::InternalError("this layer has no weights");
}

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_LAYER_H_
