// SPDX-License-Identifier: Apache-2.0
#include "worker/rules/sgd.h"

#include "common/check.h"
#include "worker/device/simd.h"

namespace hebb::rules {
namespace {

HEBB_SIMD void Descend(const float* from, const float* gradient, float rate, float* to, size_t n) {
  for (size_t i = 0; i < n; ++i) to[i] = from[i] - rate * gradient[i];
}

}  // namespace

void SgdStep(std::span<const float> from, std::span<const float> gradient, float rate,
             std::span<float> to) {
  HEBB_CHECK(from.size() == gradient.size() && to.size() == gradient.size());
  Descend(from.data(), gradient.data(), rate, to.data(), to.size());
}

}  // namespace hebb::rules
