// SPDX-License-Identifier: Apache-2.0
// Nonlinearities: x = sigma(h), and d = sigma'(h) .* delta (paper.md 1).
#ifndef HEBB_WORKER_GPU_KERNELS_ACTIVATION_H_
#define HEBB_WORKER_GPU_KERNELS_ACTIVATION_H_

#include <cmath>

#include "worker/gpu/kernels/device.h"

namespace hebb::gpu::kernels {

enum class Sigma : int32_t { kNone, kRamp, kTanh, kRelu, kSigmoid };

inline constexpr float kRampSlope = 0.5f;

// One unit. `open`: for the ramp, whether its gate is open; null for the others.
HEBB_DEVICE float Activated(Sigma sigma, float field, uint8_t* open) {
  switch (sigma) {
    case Sigma::kRamp: {
      const float v = kRampSlope * field;
      const float upper = v > 1.0f ? 1.0f : v;
      const float x = upper < -1.0f ? -1.0f : upper;
      *open = x == v;
      return x;
    }
    case Sigma::kTanh:
      return tanhf(field);
    case Sigma::kRelu:
      return field < 0.0f ? 0.0f : field;
    case Sigma::kSigmoid:
      return 1.0f / (1.0f + expf(-field));
    case Sigma::kNone:
      break;
  }
  return field;
}

// `output` is read where the gate depends on it.
HEBB_DEVICE float Gated(Sigma sigma, const float* output, const uint8_t* open, float delta) {
  switch (sigma) {
    case Sigma::kRamp:
      return *open != 0 ? kRampSlope * delta : 0.0f;
    case Sigma::kTanh:
      return delta * (1.0f - *output * *output);
    case Sigma::kRelu:
      return *output > 0.0f ? delta : 0.0f;
    case Sigma::kSigmoid:
      return delta * (*output * (1.0f - *output));
    case Sigma::kNone:
      break;
  }
  return delta;
}

// Where a layer's delta goes, and the gate by which it becomes d as it is written.
struct GatedDelta {
  float* delta;
  Sigma sigma = Sigma::kNone;      // kNone: as it is
  const float* outputs = nullptr;  // of that layer
  const uint8_t* open = nullptr;   // only the ramp's

  HEBB_DEVICE void Put(Index i, float value) const {
    if (sigma != Sigma::kNone) {
      value = Gated(sigma, outputs + i, open == nullptr ? nullptr : open + i, value);
    }
    delta[i] = value;
  }
};

// Fields become outputs, in place. Index: a unit.
struct Activate {
  float* values;
  uint8_t* open;      // by unit; only the ramp's
  const float* bias;  // added first, entry (unit mod biases); null: none
  Index biases;
  Sigma sigma;

  HEBB_DEVICE void operator()(Index i) const {
    const float field = bias == nullptr ? values[i] : values[i] + bias[i % biases];
    values[i] = Activated(sigma, field, open == nullptr ? nullptr : open + i);
  }
};

// delta becomes d, in place. Index: a unit.
struct Gate {
  GatedDelta d;
  HEBB_DEVICE void operator()(Index i) const { d.Put(i, d.delta[i]); }
};

}  // namespace hebb::gpu::kernels

#endif  // HEBB_WORKER_GPU_KERNELS_ACTIVATION_H_
