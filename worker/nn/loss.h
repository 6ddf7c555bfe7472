// SPDX-License-Identifier: Apache-2.0
// Loss functions of the last layer (paper.md 2), per row over C outputs x, true class c.
//   hinge                 max(0, 1 - x_c) + m/(C-1) sum_{j != c} max(0, 1 + x_j)
//   cross_entropy         -log softmax(x)_c
//   binary_cross_entropy  sum_j log(1 + exp(-t_j x_j)), t = +1 for c, -1 for the others: x is the
//                         field before a sigmoid, so its gradient sigmoid(x) - [j = c] never
//                         overflows. With `activation: sigmoid` on the last layer the engine feeds
//                         this loss the field, which is the usual loss of the probabilities.
//   squared               sum_j (x_j - t_j)^2
// A step's loss is the mean over the global batch.
#ifndef HEBB_WORKER_NN_LOSS_H_
#define HEBB_WORKER_NN_LOSS_H_

#include <cstdint>
#include <span>

#include "common/spec/spec.h"

namespace hebb::nn {

struct LossTotals {
  double loss = 0;      // sum over the rows
  int64_t correct = 0;  // rows whose largest output (the first of equal ones) is the label
};

// `outputs`: [row][class], labels below `classes`. Writes delta = dLoss/dx / batch_size unless it
// is null. Rows are summed in order.
LossTotals ComputeLoss(const spec::Loss& loss, int64_t classes, std::span<const int32_t> labels,
                       int64_t batch_size, const float* outputs, float* delta);

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_LOSS_H_
