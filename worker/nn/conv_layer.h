// SPDX-License-Identifier: Apache-2.0
// A tied convolution with its bias and activation: h = W x + b, x = sigma(h), and the local update
// (paper.md 1). The bias is one number a filter; its update is the sum of d over rows and places,
// in the fixed order of channel_math.h.
#ifndef HEBB_WORKER_NN_CONV_LAYER_H_
#define HEBB_WORKER_NN_CONV_LAYER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "common/spec/spec.h"
#include "worker/nn/conv_kernels.h"
#include "worker/nn/layer.h"

namespace hebb::nn {

struct ConvOptions {
  spec::Activation activation = spec::Activation::kRamp;
  // The layer may be asked for UpdateParts::feedback (paper.md 1, "asymmetric update"); costs
  // memory for another copy of the input, and a second product.
  bool asymmetric = false;
  bool bf16 = false;  // as ConvKernels::Create
};

// Internal layout of G: canonical. `matrices`, borrowed: in the packed forms of ConvKernels.
// `scratch` as there.
// INTERNAL, also of the layer's calls: the library refused.
absl::StatusOr<std::unique_ptr<Layer>> MakeConvLayer(const ConvShape& shape,
                                                     const ConvOptions& options,
                                                     const LayerMatrices& matrices,
                                                     ConvScratch* scratch);

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_CONV_LAYER_H_
