// SPDX-License-Identifier: Apache-2.0
// A tied convolution with its bias and activation.
#ifndef HEBB_WORKER_NN_CONV_LAYER_H_
#define HEBB_WORKER_NN_CONV_LAYER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "worker/nn/conv_kernels.h"
#include "worker/nn/layer.h"
#include "worker/nn/weighted_layer.h"

namespace hebb::nn {

// Internal layout of G: canonical. `matrices`, borrowed: in the packed forms of ConvKernels.
absl::StatusOr<std::unique_ptr<Layer>> MakeConvLayer(const ConvShape& shape,
                                                     const WeightedOptions& options,
                                                     const LayerMatrices& matrices);

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_CONV_LAYER_H_
