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

HEBB_SIMD void SaturateSignal(int64_t size, float b, float* values) {
  for (int64_t i = 0; i < size; ++i) {
    const float scaled = b * values[i];
    const float below = scaled > 1.0f ? 1.0f : scaled;
    values[i] = below < -1.0f ? -1.0f : below;
  }
}

HEBB_SIMD void PositivePart(int64_t size, const float* from, float* to) {
  for (int64_t i = 0; i < size; ++i) to[i] = from[i] < 0.0f ? 0.0f : from[i];
}

}  // namespace hebb::nn
