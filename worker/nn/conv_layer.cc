// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/conv_layer.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "common/status_macros.h"
#include "worker/device/aligned_buffer.h"
#include "worker/nn/channel_math.h"
#include "worker/nn/elementwise.h"
#include "worker/nn/sigma.h"

namespace hebb::nn {
namespace {

// Forward runs over a few rows at a time, so that their fields are still in the core's cache when
// bias and activation pass over them.
constexpr int64_t kTileFloats = 96 * 1024;

class ConvLayer : public Layer {
 public:
  ConvLayer(std::unique_ptr<ConvKernels> kernels, const ConvShape& shape,
            const ConvOptions& options, const LayerMatrices& matrices)
      : kernels_(std::move(kernels)),
        matrices_(matrices),
        in_(shape.input.size()),
        out_(shape.output.size()),
        channels_(shape.output.channels),
        tile_(std::max<int64_t>(1, kTileFloats / (in_ + out_))),
        asymmetric_(options.asymmetric),
        sigma_(options.activation, out_) {}

  absl::Status Prepare(int64_t rows) override {
    sigma_.Prepare(rows);
    if (asymmetric_ && positive_.size() < rows * in_) positive_ = device::FloatBuffer(rows * in_);
    HEBB_RETURN_IF_ERROR(kernels_->PrepareRows(rows));
    if (rows >= tile_) HEBB_RETURN_IF_ERROR(kernels_->PrepareForward(tile_));
    return rows % tile_ == 0 ? absl::OkStatus() : kernels_->PrepareForward(rows % tile_);
  }

  absl::Status Forward(const Batch& batch, std::span<const float* const> inputs,
                       float* output) override {
    for (int64_t row = 0; row < batch.rows; row += tile_) {
      const int64_t rows = std::min(tile_, batch.rows - row);
      float* values = output + row * out_;
      HEBB_RETURN_IF_ERROR(
          kernels_->Forward(rows, inputs[0] + row * in_, matrices_.forward, values));
      sigma_.ForwardWithBias(row * out_, rows * out_ / channels_, channels_, matrices_.bias,
                             values);
    }
    return absl::OkStatus();
  }

  void Gate(const Trace& trace, float* delta) override { sigma_.Gate(trace, delta); }

  absl::Status LocalUpdate(const Trace& trace, const float* d, const UpdateParts& parts) override {
    const int64_t rows = trace.rows;
    const float* x = trace.inputs[0];
    if (parts.forward != nullptr) {
      HEBB_RETURN_IF_ERROR(kernels_->BackwardWeights(rows, x, d, parts.forward));
    }
    if (parts.feedback != nullptr) {
      HEBB_CHECK(asymmetric_);
      PositivePart(rows * in_, x, positive_.data());
      HEBB_RETURN_IF_ERROR(kernels_->BackwardWeights(rows, positive_.data(), d, parts.feedback));
    }
    if (parts.bias != nullptr) SumByChannel(rows * out_ / channels_, channels_, d, parts.bias);
    return absl::OkStatus();
  }

  absl::Status Backward(const Trace& trace, const float* d, int, float* input_delta) override {
    return kernels_->BackwardData(trace.rows, d, matrices_.feedback, input_delta);
  }

 private:
  const std::unique_ptr<ConvKernels> kernels_;
  const LayerMatrices& matrices_;
  const int64_t in_;        // units of one row
  const int64_t out_;       // units of one row
  const int64_t channels_;  // of the output
  const int64_t tile_;      // rows
  const bool asymmetric_;
  Sigma sigma_;
  device::FloatBuffer positive_;  // relu(x)
};

}  // namespace

absl::StatusOr<std::unique_ptr<Layer>> MakeConvLayer(const ConvShape& shape,
                                                     const ConvOptions& options,
                                                     const LayerMatrices& matrices,
                                                     ConvScratch* scratch) {
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<ConvKernels> kernels,
                        ConvKernels::Create(shape, options.bf16, scratch));
  return std::make_unique<ConvLayer>(std::move(kernels), shape, options, matrices);
}

}  // namespace hebb::nn
