// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/elementwise.h"

#include "worker/device/simd.h"

namespace hebb::nn {

HEBB_SIMD void AddInto(int64_t size, const float* from, float* to) {
  for (int64_t i = 0; i < size; ++i) to[i] += from[i];
}

HEBB_SIMD void Sum(int64_t size, const float* a, const float* b, float* to) {
  for (int64_t i = 0; i < size; ++i) to[i] = a[i] + b[i];
}

}  // namespace hebb::nn
