// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/activation.h"

#include "worker/device/simd.h"
#include "worker/nn/vector_math.h"

namespace hebb::nn {
namespace {

HEBB_SIMD void ActivateRamp(int64_t size, float* values, uint8_t* open) {
  for (int64_t i = 0; i < size; ++i) {
    const float v = kRampSlope * values[i];
    const float upper = v > 1.0f ? 1.0f : v;
    values[i] = upper < -1.0f ? -1.0f : upper;
    open[i] = values[i] == v;
  }
}

HEBB_SIMD void ActivateTanh(int64_t size, float* values) {
  for (int64_t i = 0; i < size; ++i) values[i] = FastTanh(values[i]);
}

HEBB_SIMD void ActivateRelu(int64_t size, float* values) {
  for (int64_t i = 0; i < size; ++i) values[i] = values[i] < 0.0f ? 0.0f : values[i];
}

HEBB_SIMD void ActivateSigmoid(int64_t size, float* values) {
  for (int64_t i = 0; i < size; ++i) values[i] = FastSigmoid(values[i]);
}

HEBB_SIMD void GateRamp(int64_t size, const uint8_t* open, float* delta) {
  for (int64_t i = 0; i < size; ++i) delta[i] = open[i] != 0 ? kRampSlope * delta[i] : 0.0f;
}

HEBB_SIMD void GateTanh(int64_t size, const float* outputs, float* delta) {
  for (int64_t i = 0; i < size; ++i) delta[i] *= 1.0f - outputs[i] * outputs[i];
}

HEBB_SIMD void GateRelu(int64_t size, const float* outputs, float* delta) {
  for (int64_t i = 0; i < size; ++i) delta[i] = outputs[i] > 0.0f ? delta[i] : 0.0f;
}

HEBB_SIMD void GateSigmoid(int64_t size, const float* outputs, float* delta) {
  for (int64_t i = 0; i < size; ++i) delta[i] *= outputs[i] * (1.0f - outputs[i]);
}

}  // namespace

bool NeedsGateRecord(spec::Activation activation) { return activation == spec::Activation::kRamp; }

void Activate(spec::Activation activation, int64_t size, float* values, uint8_t* open) {
  switch (activation) {
    case spec::Activation::kRamp:
      return ActivateRamp(size, values, open);
    case spec::Activation::kNone:
      return;
    case spec::Activation::kTanh:
      return ActivateTanh(size, values);
    case spec::Activation::kRelu:
      return ActivateRelu(size, values);
    case spec::Activation::kSigmoid:
      return ActivateSigmoid(size, values);
  }
}

void Gate(spec::Activation activation, int64_t size, const float* outputs, const uint8_t* open,
          float* delta) {
  switch (activation) {
    case spec::Activation::kRamp:
      return GateRamp(size, open, delta);
    case spec::Activation::kNone:
      return;
    case spec::Activation::kTanh:
      return GateTanh(size, outputs, delta);
    case spec::Activation::kRelu:
      return GateRelu(size, outputs, delta);
    case spec::Activation::kSigmoid:
      return GateSigmoid(size, outputs, delta);
  }
}

}  // namespace hebb::nn
