// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/weighted_layer.h"

#include "common/check.h"
#include "common/status_macros.h"
#include "worker/nn/channel_math.h"
#include "worker/nn/elementwise.h"

namespace hebb::nn {

WeightedLayer::WeightedLayer(const spec::Shape& input, const spec::Shape& output,
                             const WeightedOptions& options, const LayerMatrices& matrices)
    : in_(input.size()),
      out_(output.size()),
      matrices_(matrices),
      channels_(output.channels),
      asymmetric_(options.asymmetric),
      sigma_(options.activation, output.size()) {}

absl::Status WeightedLayer::Prepare(int64_t rows) {
  sigma_.Prepare(rows);
  if (asymmetric_ && positive_.size() < rows * in_) positive_ = device::FloatBuffer(rows * in_);
  return PrepareKernels(rows);
}

absl::Status WeightedLayer::LocalUpdate(const Trace& trace, const float* d,
                                        const UpdateParts& parts) {
  const int64_t rows = trace.rows;
  if (parts.forward != nullptr) {
    HEBB_RETURN_IF_ERROR(ComputeUpdate(rows, trace.inputs[0], d, parts.forward));
  }
  if (parts.feedback != nullptr) {
    HEBB_CHECK(asymmetric_);
    PositivePart(rows * in_, trace.inputs[0], positive_.data());
    HEBB_RETURN_IF_ERROR(ComputeUpdate(rows, positive_.data(), d, parts.feedback));
  }
  if (parts.bias != nullptr) SumByChannel(rows * out_ / channels_, channels_, d, parts.bias);
  return absl::OkStatus();
}

void WeightedLayer::Finish(int64_t row, int64_t rows, float* fields) {
  sigma_.ForwardWithBias(row * out_, rows * out_ / channels_, channels_, matrices_.bias, fields);
}

}  // namespace hebb::nn
