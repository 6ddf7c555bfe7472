// SPDX-License-Identifier: Apache-2.0
// What a step does to W, R and biases, in one pass over memory, and the signals that are made from
// them (paper.md 1 and 11; worker/rules/).
#ifndef HEBB_WORKER_GPU_KERNELS_UPDATES_H_
#define HEBB_WORKER_GPU_KERNELS_UPDATES_H_

#include "worker/gpu/kernels/device.h"

namespace hebb::gpu::kernels {

// One of the two matrices, or a bias.
struct Descends {
  float* values;       // null: there is none
  float* velocity;     // null: no momentum
  const float* start;  // null: `values` themselves; else they become what these would (staging)
  const float* start_velocity;
  const float* gradient;
  const uint8_t* mask;  // 1: the connection exists; null: all do
};

// How it descends: v = momentum v + scale g + decay w;  w -= rate v, after w *= shrink.
struct Descent {
  float shrink = 1;
  float momentum = 0;
  float decay = 0;
  float climb_rate = 0;  // not 0: w += climb_rate g, and nothing else
  bool at_feedback_rate = false;
  bool clips = true;        // g takes the step's scale
  bool mean_twice = false;  // g is divided by the batch once more
};

HEBB_DEVICE void DescendAt(const Descends& m, const Descent& by, const StepValues& step, Index i) {
  float w = (m.start != nullptr ? m.start : m.values)[i];
  const float g = m.mask == nullptr || m.mask[i] != 0 ? m.gradient[i] : 0.0f;
  if (by.climb_rate != 0.0f) {
    m.values[i] = w + by.climb_rate * g;
    return;
  }
  if (by.shrink != 1.0f) w *= by.shrink;
  float scale = by.clips ? step.scale : 1.0f;
  if (by.mean_twice) scale /= static_cast<float>(step.batch);
  float change = scale == 1.0f ? g : scale * g;
  if (by.decay != 0.0f) change += by.decay * w;
  if (m.velocity != nullptr) {
    change += by.momentum * (m.start_velocity != nullptr ? m.start_velocity : m.velocity)[i];
    m.velocity[i] = change;
  }
  m.values[i] = w - (by.at_feedback_rate ? step.feedback_rate : step.rate) * change;
}

// Index: an entry of W and of R.
struct Update {
  Descends forward;
  Descends feedback;  // values null: R stays, or there is none
  Descent forward_by;
  Descent feedback_by;
  const StepValues* step;

  HEBB_DEVICE void operator()(Index i) const {
    if (forward.values != nullptr) DescendAt(forward, forward_by, *step, i);
    if (feedback.values != nullptr) DescendAt(feedback, feedback_by, *step, i);
  }
};

// How B is made of W and R, where it is neither of them.
enum class Derivation : int32_t {
  kSignOfFeedback,       // sign R
  kSignOfForward,        // scale sign W
  kMagnitudeOfFeedback,  // |R| sign W
};

// Index: an entry.
struct DeriveSignal {
  const float* forward;
  const float* feedback;
  float* signal;
  Derivation how;
  float scale;

  HEBB_DEVICE static float SignOf(float x) {
    return static_cast<float>(x > 0) - static_cast<float>(x < 0);
  }
  HEBB_DEVICE void operator()(Index i) const {
    switch (how) {
      case Derivation::kSignOfFeedback:
        signal[i] = SignOf(feedback[i]);
        break;
      case Derivation::kSignOfForward:
        signal[i] = scale * SignOf(forward[i]);
        break;
      case Derivation::kMagnitudeOfFeedback:
        signal[i] = fabsf(feedback[i]) * SignOf(forward[i]);
        break;
    }
  }
};

// values = clip(values, -limit, limit). Index: an entry.
struct ClipTo {
  float* values;
  const float* limit;  // one number
  HEBB_DEVICE void operator()(Index i) const {
    const float most = *limit, v = values[i];
    values[i] = v > most ? most : v < -most ? -most : v;
  }
};

}  // namespace hebb::gpu::kernels

#endif  // HEBB_WORKER_GPU_KERNELS_UPDATES_H_
