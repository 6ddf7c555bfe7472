// SPDX-License-Identifier: Apache-2.0
// Plain stochastic gradient descent on a part of a matrix. One function for W and for R, so that
// equal matrices with equal rates stay equal to the last bit.
#ifndef HEBB_WORKER_RULES_SGD_H_
#define HEBB_WORKER_RULES_SGD_H_

#include <span>

namespace hebb::rules {

// to[i] = from[i] - rate * gradient[i]; `to` may be `from`.
void SgdStep(std::span<const float> from, std::span<const float> gradient, float rate,
             std::span<float> to);

}  // namespace hebb::rules

#endif  // HEBB_WORKER_RULES_SGD_H_
