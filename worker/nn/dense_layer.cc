// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/dense_layer.h"

#include "worker/device/aligned_buffer.h"
#include "worker/nn/activation.h"
#include "worker/nn/dense_kernels.h"

namespace hebb::nn {
namespace {

class DenseLayer : public Layer {
 public:
  DenseLayer(int64_t inputs, int64_t units, spec::Activation activation,
             const LayerMatrices& matrices)
      : kernels_(DenseKernels::Create(inputs, units)),
        units_(units),
        activation_(activation),
        matrices_(matrices) {}

  absl::Status Prepare(int64_t rows) override {
    if (NeedsGateRecord(activation_) && open_.size() < rows * units_) {
      open_ = device::AlignedBuffer<uint8_t>(rows * units_);
    }
    return kernels_->PrepareRows(rows);
  }

  absl::Status Forward(const Batch& batch, std::span<const float* const> inputs,
                       float* output) override {
    const absl::Status status = kernels_->Forward(batch.rows, inputs[0], matrices_.forward, output);
    Activate(activation_, batch.rows * units_, output, open_.data());
    return status;
  }

  absl::Status LocalUpdate(const Trace& trace, float* delta, float* update) override {
    Gate(activation_, trace.rows * units_, trace.output, open_.data(), delta);
    return kernels_->BackwardWeights(trace.rows, trace.inputs[0], delta, update);
  }

  absl::Status Backward(const Trace& trace, const float* delta, int, float* input_delta) override {
    return kernels_->BackwardData(trace.rows, delta, matrices_.feedback, input_delta);
  }

 private:
  const std::unique_ptr<DenseKernels> kernels_;
  const int64_t units_;
  const spec::Activation activation_;
  const LayerMatrices& matrices_;
  device::AlignedBuffer<uint8_t> open_;
};

}  // namespace

std::unique_ptr<Layer> MakeDenseLayer(int64_t inputs, int64_t units, spec::Activation activation,
                                      const LayerMatrices& matrices) {
  return std::make_unique<DenseLayer>(inputs, units, activation, matrices);
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
