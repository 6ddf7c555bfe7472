// SPDX-License-Identifier: Apache-2.0
// The nonlinearities of weighted layers (paper.md 1 and 4.9), elementwise over an array.
#ifndef HEBB_WORKER_NN_ACTIVATION_H_
#define HEBB_WORKER_NN_ACTIVATION_H_

#include <cstdint>

#include "common/spec/spec.h"

namespace hebb::nn {

// Slope of the saturated ramp clip(s h, -1, 1).
inline constexpr float kRampSlope = 0.5f;

// Whether Gate needs `open`: only the ramp, whose output of exactly 1 does not tell whether the
// field was beyond the edge.
bool NeedsGateRecord(spec::Activation activation);

// Turns fields h into outputs x in place; NaN stays NaN. ramp: open[i] = 1 where |s h| <= 1, the
// units that let errors through (a unit exactly on the edge does).
void Activate(spec::Activation activation, int64_t size, float* values, uint8_t* open);

// Turns delta into d = sigma'(h) delta in place, from the outputs x: ramp s where open; tanh 1-x^2;
// relu 1 where x > 0; sigmoid x(1-x).
void Gate(spec::Activation activation, int64_t size, const float* outputs, const uint8_t* open,
          float* delta);

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_ACTIVATION_H_
