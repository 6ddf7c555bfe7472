// SPDX-License-Identifier: Apache-2.0
// The residual sum: y = sigma(a + b + ...). In the paper's nets the inputs have had their
// nonlinearities and the sum has none, and is not clipped (paper.md 4).
#ifndef HEBB_WORKER_NN_ADD_H_
#define HEBB_WORKER_NN_ADD_H_

#include <cstdint>
#include <memory>

#include "common/spec/spec.h"
#include "worker/nn/layer.h"

namespace hebb::nn {

// `units`: of one row. Inputs are summed in the order given. d passes to every input as it is.
std::unique_ptr<Layer> MakeAdd(int64_t units, spec::Activation activation);

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_ADD_H_
