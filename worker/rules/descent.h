// SPDX-License-Identifier: Apache-2.0
// Stochastic gradient descent on a part of a matrix, with momentum and weight decay. One function
// for W, R and biases, so that equal matrices with equal rates stay equal to the last bit.
#ifndef HEBB_WORKER_RULES_DESCENT_H_
#define HEBB_WORKER_RULES_DESCENT_H_

#include <span>

namespace hebb::rules {

struct Descent {
  float rate = 0;
  float momentum = 0;
  float weight_decay = 0;
  float scale = 1;  // of the gradient (clipping)
};

// A part of a matrix and, with momentum, of its velocity.
struct Weights {
  std::span<float> values;
  std::span<float> velocity;  // empty: no momentum
};

// v = momentum v + scale g + weight_decay w;  w -= rate v. Without momentum v is not kept.
void Descend(const Descent& descent, std::span<const float> gradient, const Weights& weights);

// values[i] *= factor.
void Shrink(float factor, std::span<float> values);

}  // namespace hebb::rules

#endif  // HEBB_WORKER_RULES_DESCENT_H_
