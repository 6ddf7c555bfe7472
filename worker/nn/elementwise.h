// SPDX-License-Identifier: Apache-2.0
// Elementwise sums and maps of arrays.
#ifndef HEBB_WORKER_NN_ELEMENTWISE_H_
#define HEBB_WORKER_NN_ELEMENTWISE_H_

#include <cstdint>

namespace hebb::nn {

void AddInto(int64_t size, const float* from, float* to);           // to += from
void Sum(int64_t size, const float* a, const float* b, float* to);  // to = a + b
void PositivePart(int64_t size, const float* from, float* to);      // to = relu(from), NaN stays
// The fed-back signal clip(b x, -1, 1), in place (paper.md 1, saturated feedback).
void SaturateSignal(int64_t size, float b, float* values);

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_ELEMENTWISE_H_
