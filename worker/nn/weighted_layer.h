// SPDX-License-Identifier: Apache-2.0
// What layers with a matrix have in common: h = W x + b, x = sigma(h), and the local update
// (paper.md 1). Which products these are is up to the kind of layer.
//
// The bias is one number a channel of the output. Its update is the sum of d over rows and places,
// in the fixed order of channel_math.h.
#ifndef HEBB_WORKER_NN_WEIGHTED_LAYER_H_
#define HEBB_WORKER_NN_WEIGHTED_LAYER_H_

#include <cstdint>

#include "common/spec/shapes.h"
#include "common/spec/spec.h"
#include "worker/device/aligned_buffer.h"
#include "worker/nn/bf16.h"
#include "worker/nn/layer.h"
#include "worker/nn/sigma.h"

namespace hebb::nn {

struct WeightedOptions {
  spec::Activation activation = spec::Activation::kRamp;
  // The layer may be asked for UpdateParts::feedback (paper.md 1, "asymmetric update"); costs
  // memory for another copy of the input, and a second product.
  bool asymmetric = false;
  Bf16Scratch* bf16 = nullptr;  // as ConvKernels::Create
};

// Thread-safety: one thread at a time. INTERNAL: the library refused.
class WeightedLayer : public Layer {
 public:
  absl::Status Prepare(int64_t rows) final;
  void Gate(const Trace& trace, float* delta) final { sigma_.Gate(trace, delta); }

  // REQUIRES: parts.feedback null unless made with `asymmetric`.
  absl::Status LocalUpdate(const Trace& trace, const float* d, const UpdateParts& parts) final;

 protected:
  // `matrices`: borrowed.
  WeightedLayer(const spec::Shape& input, const spec::Shape& output, const WeightedOptions& options,
                const LayerMatrices& matrices);

  virtual absl::Status PrepareKernels(int64_t rows) = 0;

  // G = sum over the rows of d x^T.
  virtual absl::Status ComputeUpdate(int64_t rows, const float* x, const float* d, float* g) = 0;

  // Turns the fields of rows `row` to `row + rows` into outputs, in place.
  void Finish(int64_t row, int64_t rows, float* fields);

  const int64_t in_;   // units of one row
  const int64_t out_;  // units of one row
  const LayerMatrices& matrices_;

 private:
  const int64_t channels_;  // of the output
  const bool asymmetric_;
  Sigma sigma_;
  device::FloatBuffer positive_;  // relu(x)
};

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_WEIGHTED_LAYER_H_
