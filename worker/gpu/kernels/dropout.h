// SPDX-License-Identifier: Apache-2.0
// Dropout, and a mirror's noise: draws keyed by (seed, layer, epoch or step, sample).
#ifndef HEBB_WORKER_GPU_KERNELS_DROPOUT_H_
#define HEBB_WORKER_GPU_KERNELS_DROPOUT_H_

#include "worker/gpu/kernels/activation.h"
#include "worker/gpu/kernels/device.h"
#include "worker/gpu/kernels/philox.h"

namespace hebb::gpu::kernels {

// Index: a unit, [row][place][channel]. A unit's word has its canonical number, channels first.
struct Dropout {
  const float* input;
  float* output;
  const uint32_t* ids;  // by row: the sample's number
  const StepValues* step;
  Stream stream;
  uint32_t limit;  // dropped unless the word is above
  float scale;     // of what stays
  Index places;
  Index channels;
  bool per_channel;

  HEBB_DEVICE void operator()(Index i) const {
    const Index channel = i % channels, place = i / channels % places;
    const Index row = i / (channels * places);
    const Index word = per_channel ? channel : channel * places + place;
    const bool stays = RandomWord(stream, step->epoch, ids[row], word) > limit;
    output[i] = stays ? input[i] * scale : 0.0f;
  }
};

// Index: a unit. What was dropped has output 0.
struct DropoutBack {
  const float* output;
  const float* delta;
  GatedDelta to;
  float scale;
  HEBB_DEVICE void operator()(Index i) const {
    to.Put(i, output[i] != 0.0f ? delta[i] * scale : 0.0f);
  }
};

// width / 2 (2 U - 1). Index: an input unit, [row][unit].
struct Noise {
  float* noise;
  const uint32_t* ids;
  const StepValues* step;
  Stream stream;
  double width;
  Index units;

  HEBB_DEVICE void operator()(Index i) const {
    const uint32_t word = RandomWord(stream, step->step, ids[i / units], i % units);
    noise[i] = static_cast<float>(width / 2 * (2.0 * static_cast<double>(UnitOf(word)) - 1));
  }
};

}  // namespace hebb::gpu::kernels

#endif  // HEBB_WORKER_GPU_KERNELS_DROPOUT_H_
