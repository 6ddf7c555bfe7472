// SPDX-License-Identifier: Apache-2.0
#include "worker/rules/descent.h"

#include "common/check.h"
#include "worker/device/simd.h"

namespace hebb::rules {
namespace {

HEBB_SIMD void Plain(const Descent& d, const float* g, float* w, size_t n) {
  const float rate = d.rate;
  for (size_t i = 0; i < n; ++i) w[i] = w[i] - rate * g[i];
}

HEBB_SIMD void Decaying(const Descent& d, const float* g, float* w, size_t n) {
  const float rate = d.rate, scale = d.scale, decay = d.weight_decay;
  for (size_t i = 0; i < n; ++i) w[i] = w[i] - rate * (scale * g[i] + decay * w[i]);
}

HEBB_SIMD void Rolling(const Descent& d, const float* g, float* w, float* v, size_t n) {
  const float rate = d.rate, scale = d.scale, decay = d.weight_decay, momentum = d.momentum;
  for (size_t i = 0; i < n; ++i) {
    v[i] = momentum * v[i] + (scale * g[i] + decay * w[i]);
    w[i] = w[i] - rate * v[i];
  }
}

HEBB_SIMD void Multiply(float factor, float* values, size_t n) {
  for (size_t i = 0; i < n; ++i) values[i] *= factor;
}

}  // namespace

void Descend(const Descent& descent, std::span<const float> gradient, const Weights& weights) {
  const size_t size = gradient.size();
  HEBB_CHECK(weights.values.size() == size);
  if (!weights.velocity.empty()) {
    HEBB_CHECK(weights.velocity.size() == size);
    Rolling(descent, gradient.data(), weights.values.data(), weights.velocity.data(), size);
  } else if (descent.weight_decay != 0 || descent.scale != 1) {
    Decaying(descent, gradient.data(), weights.values.data(), size);
  } else {
    Plain(descent, gradient.data(), weights.values.data(), size);
  }
}

void Shrink(float factor, std::span<float> values) {
  Multiply(factor, values.data(), values.size());
}

}  // namespace hebb::rules
