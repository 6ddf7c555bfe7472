// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/conv_layer.h"

#include <algorithm>
#include <utility>

#include "common/status_macros.h"

namespace hebb::nn {
namespace {

// Forward runs over a few rows at a time, so that their fields are still in the core's cache when
// bias and activation pass over them.
constexpr int64_t kTileFloats = 96 * 1024;

class ConvLayer : public WeightedLayer {
 public:
  ConvLayer(std::unique_ptr<ConvKernels> kernels, const ConvShape& shape,
            const WeightedOptions& options, const LayerMatrices& matrices)
      : WeightedLayer(shape.input, shape.output, options, matrices),
        kernels_(std::move(kernels)),
        tile_(std::max<int64_t>(1, kTileFloats / (in_ + out_))) {}

  absl::Status Forward(const Batch& batch, std::span<const float* const> inputs,
                       float* output) override {
    for (int64_t row = 0; row < batch.rows; row += tile_) {
      const int64_t rows = std::min(tile_, batch.rows - row);
      float* values = output + row * out_;
      HEBB_RETURN_IF_ERROR(
          kernels_->Forward(rows, inputs[0] + row * in_, matrices_.forward, values));
      Finish(row, rows, values);
    }
    return absl::OkStatus();
  }

  absl::Status Backward(const Trace& trace, const float* d, int, float* input_delta) override {
    return kernels_->BackwardData(trace.rows, d, matrices_.feedback, input_delta);
  }

 protected:
  absl::Status PrepareKernels(int64_t rows) override {
    HEBB_RETURN_IF_ERROR(kernels_->PrepareRows(rows));
    if (rows >= tile_) HEBB_RETURN_IF_ERROR(kernels_->PrepareRows(tile_));
    return rows % tile_ == 0 ? absl::OkStatus() : kernels_->PrepareRows(rows % tile_);
  }

  absl::Status ComputeUpdate(int64_t rows, const float* x, const float* d, float* g) override {
    return kernels_->BackwardWeights(rows, x, d, g);
  }

 private:
  const std::unique_ptr<ConvKernels> kernels_;
  const int64_t tile_;  // rows
};

}  // namespace

absl::StatusOr<std::unique_ptr<Layer>> MakeConvLayer(const ConvShape& shape,
                                                     const WeightedOptions& options,
                                                     const LayerMatrices& matrices) {
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<ConvKernels> kernels,
                        ConvKernels::Create(shape, options.bf16));
  return std::make_unique<ConvLayer>(std::move(kernels), shape, options, matrices);
}

}  // namespace hebb::nn
