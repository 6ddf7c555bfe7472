// SPDX-License-Identifier: Apache-2.0
// A fully connected layer with its bias and activation.
#ifndef HEBB_WORKER_NN_DENSE_LAYER_H_
#define HEBB_WORKER_NN_DENSE_LAYER_H_

#include <cstdint>
#include <memory>

#include "common/spec/shapes.h"
#include "worker/nn/joint_layer.h"
#include "worker/nn/layer.h"

namespace hebb::nn {

// Internal layout of W, R and G: [unit][y][x][channel] of the input, as activations lie.
// `matrices`, borrowed: in that layout. A joint layer.
std::unique_ptr<Layer> MakeDenseLayer(int64_t inputs, int64_t units, const JointOptions& options,
                                      const LayerMatrices& matrices);

// Between the internal layout and the canonical one, [unit][channel][y][x].
void DenseToCanonical(const spec::Shape& input, int64_t units, const float* internal,
                      float* canonical);
void DenseFromCanonical(const spec::Shape& input, int64_t units, const float* canonical,
                        float* internal);

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_DENSE_LAYER_H_
