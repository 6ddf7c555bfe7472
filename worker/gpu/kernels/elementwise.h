// SPDX-License-Identifier: Apache-2.0
// Kernels whose index is an element. They may work in place.
#ifndef HEBB_WORKER_GPU_KERNELS_ELEMENTWISE_H_
#define HEBB_WORKER_GPU_KERNELS_ELEMENTWISE_H_

#include <cmath>

#include "worker/gpu/kernels/device.h"

namespace hebb::gpu::kernels {

// to = a + b.
struct Sum {
  const float* a;
  const float* b;
  float* to;
  HEBB_DEVICE void operator()(Index i) const { to[i] = a[i] + b[i]; }
};

// to = relu(from); NaN stays.
struct PositivePart {
  const float* from;
  float* to;
  HEBB_DEVICE void operator()(Index i) const { to[i] = from[i] < 0.0f ? 0.0f : from[i]; }
};

// The fed-back signal clip(b x, -1, 1) (paper.md 1, saturated feedback).
struct Saturate {
  float b;
  float* values;
  HEBB_DEVICE void operator()(Index i) const {
    const float v = b * values[i];
    const float upper = v > 1.0f ? 1.0f : v;
    values[i] = upper < -1.0f ? -1.0f : upper;
  }
};

// Rounds to the nearest bfloat16, ties to even; NaN stays NaN.
struct RoundToBf16 {
  const float* from;
  float* to;
  HEBB_DEVICE void operator()(Index i) const {
    union {
      float value;
      uint32_t bits;
    } word = {from[i]};
    if (word.value == word.value) {
      word.bits += 0x7FFFu + ((word.bits >> 16) & 1u);
      word.bits &= 0xFFFF0000u;
    }
    to[i] = word.value;
  }
};

}  // namespace hebb::gpu::kernels

#endif  // HEBB_WORKER_GPU_KERNELS_ELEMENTWISE_H_
