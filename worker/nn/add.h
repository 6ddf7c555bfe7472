// SPDX-License-Identifier: Apache-2.0
// The residual sum: y = a + b + ..., after the inputs' nonlinearities, not clipped (paper.md 4).
#ifndef HEBB_WORKER_NN_ADD_H_
#define HEBB_WORKER_NN_ADD_H_

#include <memory>

#include "worker/nn/layer.h"

namespace hebb::nn {

// `units`: of one row. Inputs are summed in the order given.
std::unique_ptr<Layer> MakeAdd(int64_t units);

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_ADD_H_
