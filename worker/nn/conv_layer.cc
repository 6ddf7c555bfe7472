// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/conv_layer.h"

#include <algorithm>
#include <utility>

#include "common/status_macros.h"
#include "worker/device/aligned_buffer.h"
#include "worker/nn/activation.h"

namespace hebb::nn {
namespace {

// Forward runs over a few rows at a time, so that their fields are still in the core's cache when
// the activation passes over them.
constexpr int64_t kTileFloats = 96 * 1024;

class ConvLayer : public Layer {
 public:
  ConvLayer(std::unique_ptr<ConvKernels> kernels, const ConvShape& shape,
            spec::Activation activation, const LayerMatrices& matrices)
      : kernels_(std::move(kernels)),
        in_(shape.input.size()),
        out_(shape.output.size()),
        tile_(std::max<int64_t>(1, kTileFloats / (in_ + out_))),
        activation_(activation),
        matrices_(matrices) {}

  absl::Status Prepare(int64_t rows) override {
    if (NeedsGateRecord(activation_) && open_.size() < rows * out_) {
      open_ = device::AlignedBuffer<uint8_t>(rows * out_);
    }
    HEBB_RETURN_IF_ERROR(kernels_->PrepareRows(rows));
    if (rows >= tile_) HEBB_RETURN_IF_ERROR(kernels_->PrepareRows(tile_));
    return rows % tile_ == 0 ? absl::OkStatus() : kernels_->PrepareRows(rows % tile_);
  }

  absl::Status Forward(const Batch& batch, std::span<const float* const> inputs,
                       float* output) override {
    for (int64_t row = 0; row < batch.rows; row += tile_) {
      const int64_t rows = std::min(tile_, batch.rows - row);
      float* values = output + row * out_;
      HEBB_RETURN_IF_ERROR(
          kernels_->Forward(rows, inputs[0] + row * in_, matrices_.forward, values));
      Activate(activation_, rows * out_, values, open_.data() + row * out_);
    }
    return absl::OkStatus();
  }

  absl::Status LocalUpdate(const Trace& trace, float* delta, float* update) override {
    Gate(activation_, trace.rows * out_, trace.output, open_.data(), delta);
    return kernels_->BackwardWeights(trace.rows, trace.inputs[0], delta, update);
  }

  absl::Status Backward(const Trace& trace, const float* delta, int, float* input_delta) override {
    return kernels_->BackwardData(trace.rows, delta, matrices_.feedback, input_delta);
  }

 private:
  const std::unique_ptr<ConvKernels> kernels_;
  const int64_t in_;
  const int64_t out_;
  const int64_t tile_;  // rows
  const spec::Activation activation_;
  const LayerMatrices& matrices_;
  device::AlignedBuffer<uint8_t> open_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Layer>> MakeConvLayer(const ConvShape& shape,
                                                     spec::Activation activation,
                                                     const LayerMatrices& matrices) {
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<ConvKernels> kernels, ConvKernels::Create(shape));
  return std::make_unique<ConvLayer>(std::move(kernels), shape, activation, matrices);
}

}  // namespace hebb::nn
