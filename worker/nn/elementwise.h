// SPDX-License-Identifier: Apache-2.0
// Elementwise sums of arrays.
#ifndef HEBB_WORKER_NN_ELEMENTWISE_H_
#define HEBB_WORKER_NN_ELEMENTWISE_H_

#include <cstdint>

namespace hebb::nn {

void AddInto(int64_t size, const float* from, float* to);           // to += from
void Sum(int64_t size, const float* a, const float* b, float* to);  // to = a + b

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_ELEMENTWISE_H_
