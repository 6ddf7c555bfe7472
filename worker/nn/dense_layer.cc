// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/dense_layer.h"

#include "common/status_macros.h"
#include "worker/nn/dense_kernels.h"

namespace hebb::nn {
namespace {

class DenseLayer : public WeightedLayer {
 public:
  DenseLayer(int64_t inputs, int64_t units, const WeightedOptions& options,
             const LayerMatrices& matrices)
      : WeightedLayer({inputs, 1, 1}, {units, 1, 1}, options, matrices),
        kernels_(DenseKernels::Create(inputs, units)) {}

  absl::Status Forward(const Batch& batch, std::span<const float* const> inputs,
                       float* output) override {
    HEBB_RETURN_IF_ERROR(kernels_->Forward(batch.rows, inputs[0], matrices_.forward, output));
    Finish(0, batch.rows, output);
    return absl::OkStatus();
  }

  absl::Status Backward(const Trace& trace, const float* d, int, float* input_delta) override {
    return kernels_->BackwardData(trace.rows, d, matrices_.feedback, input_delta);
  }

 protected:
  absl::Status PrepareKernels(int64_t rows) override { return kernels_->PrepareRows(rows); }

  absl::Status ComputeUpdate(int64_t rows, const float* x, const float* d, float* g) override {
    return kernels_->BackwardWeights(rows, x, d, g);
  }

 private:
  const std::unique_ptr<DenseKernels> kernels_;
};

}  // namespace

std::unique_ptr<Layer> MakeDenseLayer(int64_t inputs, int64_t units, const WeightedOptions& options,
                                      const LayerMatrices& matrices) {
  return std::make_unique<DenseLayer>(inputs, units, options, matrices);
}

void DenseToCanonical(const spec::Shape& input, int64_t units, const float* internal,
                      float* canonical) {
  const int64_t places = input.height * input.width;
  for (int64_t u = 0; u < units; ++u) {
    for (int64_t c = 0; c < input.channels; ++c) {
      for (int64_t p = 0; p < places; ++p) {
        canonical[u * input.size() + c * places + p] =
            internal[u * input.size() + p * input.channels + c];
      }
    }
  }
}

void DenseFromCanonical(const spec::Shape& input, int64_t units, const float* canonical,
                        float* internal) {
  const int64_t places = input.height * input.width;
  for (int64_t u = 0; u < units; ++u) {
    for (int64_t p = 0; p < places; ++p) {
      for (int64_t c = 0; c < input.channels; ++c) {
        internal[u * input.size() + p * input.channels + c] =
            canonical[u * input.size() + c * places + p];
      }
    }
  }
}

}  // namespace hebb::nn
