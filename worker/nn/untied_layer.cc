// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/untied_layer.h"

#include <algorithm>
#include <utility>

#include "worker/device/aligned_buffer.h"
#include "worker/nn/activation.h"
#include "worker/nn/elementwise.h"
#include "worker/nn/untied_geometry.h"
#include "worker/nn/untied_kernels.h"

namespace hebb::nn {
namespace {

class UntiedLayer : public Layer {
 public:
  UntiedLayer(const ConvShape& shape, spec::Activation activation, const LayerMatrices& matrices)
      : kernels_(UntiedKernels::Create(shape)),
        units_(shape.output.size()),
        activation_(activation),
        matrices_(matrices) {}

  absl::Status Prepare(int64_t rows) override {
    if (NeedsGateRecord(activation_) && open_.size() < rows * units_) {
      open_ = device::AlignedBuffer<uint8_t>(rows * units_);
    }
    kernels_->PrepareRows(rows);
    return absl::OkStatus();
  }

  absl::Status Forward(const Batch& batch, std::span<const float* const> inputs,
                       float* output) override {
    kernels_->Forward(batch.rows, inputs[0], matrices_.forward, matrices_.bias, output);
    Activate(activation_, batch.rows * units_, output, open_.data());
    return absl::OkStatus();
  }

  void Gate(const Trace& trace, float* delta) override {
    nn::Gate(activation_, trace.rows * units_, trace.output, open_.data(), delta);
  }

  absl::Status LocalUpdate(const Trace& trace, const float* d, const UpdateParts& parts) override {
    if (parts.forward != nullptr) {
      kernels_->BackwardWeights(trace.rows, trace.inputs[0], d, parts.forward);
    }
    if (parts.feedback != nullptr) {
      kernels_->BackwardWeightsRelu(trace.rows, trace.inputs[0], d, parts.feedback);
    }
    if (parts.bias != nullptr) {
      std::copy_n(d, units_, parts.bias);
      for (int64_t row = 1; row < trace.rows; ++row) AddInto(units_, d + row * units_, parts.bias);
    }
    return absl::OkStatus();
  }

  absl::Status Backward(const Trace& trace, const float* d, int, float* input_delta) override {
    kernels_->BackwardData(trace.rows, d, matrices_.feedback, input_delta);
    return absl::OkStatus();
  }

 private:
  const std::unique_ptr<UntiedKernels> kernels_;
  const int64_t units_;
  const spec::Activation activation_;
  const LayerMatrices& matrices_;
  device::AlignedBuffer<uint8_t> open_;
};

// Calls visit(place, internal, tap) for every connection that exists: `place` = y * out_w + x,
// `internal` the offset of the filters' numbers for tap and channel, `tap` = the offset of
// (channel, ky, kx) within one canonical filter.
template <typename Visit>
void ForEachConnection(const ConvShape& shape, const Visit& visit) {
  const UntiedGeometry geometry(shape);
  const int64_t outs = shape.output.channels, kernel = shape.kernel;
  int64_t internal = 0;
  for (int64_t y = 0; y < shape.output.height; ++y) {
    for (int64_t x = 0; x < shape.output.width; ++x) {
      const TapRange &row = geometry.row(y), &column = geometry.column(x);
      for (int64_t i = row.tap; i < row.tap + row.count; ++i) {
        for (int64_t j = column.tap; j < column.tap + column.count; ++j) {
          for (int64_t c = 0; c < shape.input.channels; ++c, internal += outs) {
            visit(y * shape.output.width + x, internal, (c * kernel + i) * kernel + j);
          }
        }
      }
    }
  }
}

}  // namespace

std::unique_ptr<Layer> MakeUntiedLayer(const ConvShape& shape, spec::Activation activation,
                                       const LayerMatrices& matrices) {
  return std::make_unique<UntiedLayer>(shape, activation, matrices);
}

int64_t UntiedSize(const ConvShape& shape) { return UntiedGeometry(shape).connections(); }

int64_t UntiedCanonicalSize(const ConvShape& shape) {
  return shape.output.height * shape.output.width * shape.weights();
}

void UntiedToCanonical(const ConvShape& shape, const float* internal, float* canonical) {
  const int64_t filter = shape.weights() / shape.output.channels;
  std::fill_n(canonical, UntiedCanonicalSize(shape), 0.0f);
  ForEachConnection(shape, [&](int64_t place, int64_t from, int64_t tap) {
    float* to = canonical + place * shape.weights() + tap;
    for (int64_t o = 0; o < shape.output.channels; ++o) to[o * filter] = internal[from + o];
  });
}

void UntiedFromCanonical(const ConvShape& shape, const float* canonical, float* internal) {
  const int64_t filter = shape.weights() / shape.output.channels;
  ForEachConnection(shape, [&](int64_t place, int64_t to, int64_t tap) {
    const float* from = canonical + place * shape.weights() + tap;
    for (int64_t o = 0; o < shape.output.channels; ++o) internal[to + o] = from[o * filter];
  });
}

void UntiedFromConv(const ConvShape& shape, const float* filters, float* internal) {
  const int64_t filter = shape.weights() / shape.output.channels;
  ForEachConnection(shape, [&](int64_t, int64_t to, int64_t tap) {
    for (int64_t o = 0; o < shape.output.channels; ++o) {
      internal[to + o] = filters[o * filter + tap];
    }
  });
}

}  // namespace hebb::nn
