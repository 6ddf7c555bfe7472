// SPDX-License-Identifier: Apache-2.0
// Average pooling over windows, and over whole images.
//
// Windows lie as TensorFlow's do: `same` shares the padding out over both ends, the odd one at the
// bottom and right, and the mean is over the positions inside the image only; `valid` takes whole
// windows, and what is left over has no part in anything. Backward gives each position its share
// from every window that holds it, added in row order.
#ifndef HEBB_WORKER_NN_AVG_POOL_H_
#define HEBB_WORKER_NN_AVG_POOL_H_

#include <memory>

#include "common/spec/shapes.h"
#include "common/spec/spec.h"
#include "worker/nn/layer.h"

namespace hebb::nn {

std::unique_ptr<Layer> MakeAvgPool(const spec::AvgPool& pool, const spec::ResolvedLayer& resolved);

// The mean of each channel, summed in double and rounded once.
std::unique_ptr<Layer> MakeGlobalAvgPool(const spec::Shape& input);

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_AVG_POOL_H_
