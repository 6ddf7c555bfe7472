// SPDX-License-Identifier: Apache-2.0
// Max pooling with the author's borders and ties (paper.md 4.7).
#ifndef HEBB_WORKER_NN_MAX_POOL_H_
#define HEBB_WORKER_NN_MAX_POOL_H_

#include <memory>

#include "common/spec/shapes.h"
#include "common/spec/spec.h"
#include "worker/nn/layer.h"

namespace hebb::nn {

// Padding same, stride < size: windows anchored at their upper-left corner; at the bottom and right
// they hang over zeros that take part in the maximum. stride == size: TensorFlow's SAME, padding is
// ignored. Padding valid: whole windows only; rows and columns left over have no part in anything.
// Backward: ties = all gives the whole gradient to every position of the window that equals the
// maximum, ties = first to the first of them in row order. A padded zero that is the maximum alone
// keeps the gradient to itself. Overlapping windows add up, in row order.
std::unique_ptr<Layer> MakeMaxPool(const spec::MaxPool& pool, const spec::ResolvedLayer& resolved);

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_MAX_POOL_H_
