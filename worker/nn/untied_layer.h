// SPDX-License-Identifier: Apache-2.0
// An untied (locally connected) layer with its activation (paper.md 7): a convolution, any kernel,
// stride and padding, whose every output place has filters, and biases, of its own.
#ifndef HEBB_WORKER_NN_UNTIED_LAYER_H_
#define HEBB_WORKER_NN_UNTIED_LAYER_H_

#include <cstdint>
#include <memory>

#include "worker/nn/conv_kernels.h"
#include "worker/nn/joint_layer.h"
#include "worker/nn/layer.h"

namespace hebb::nn {

// Internal layout of W, R and G: [place][tap][channel][filter] of the connections that exist, as in
// untied_geometry.h. `matrices`, borrowed: in that layout; its bias, and UpdateParts::bias, is by
// place and filter, [y][x][filter], which is the canonical order too (PyTorch-like locally
// connected layers have one bias for each output). A joint layer.
std::unique_ptr<Layer> MakeUntiedLayer(const ConvShape& shape, const JointOptions& options,
                                       const LayerMatrices& matrices);

// Floats of W, R or G in the internal layout: the number of connections.
int64_t UntiedSize(const ConvShape& shape);
// Floats in the canonical layout, [out_h][out_w][out][in][ky][kx].
int64_t UntiedCanonicalSize(const ConvShape& shape);
// Floats of the bias, in both: [out_h][out_w][out].
inline int64_t UntiedBiasSize(const ConvShape& shape) { return shape.output.size(); }

// Between the two. Taps outside the image become 0, or are left out.
void UntiedToCanonical(const ConvShape& shape, const float* internal, float* canonical);
void UntiedFromCanonical(const ConvShape& shape, const float* canonical, float* internal);

// Copies one bank of filters, canonical [out][in][ky][kx], to every place.
void UntiedFromConv(const ConvShape& shape, const float* filters, float* internal);

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_UNTIED_LAYER_H_
