// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/sigma.h"

#include <algorithm>

#include "worker/nn/activation.h"
#include "worker/nn/channel_math.h"

namespace hebb::nn {
namespace {

constexpr int64_t kChunkFloats = 4096;  // half of a first-level cache

}  // namespace

void Sigma::Prepare(int64_t rows) {
  if (NeedsGateRecord(activation_) && open_.size() < rows * units_) {
    open_ = device::AlignedBuffer<uint8_t>(rows * units_);
  }
}

void Sigma::Forward(int64_t begin, int64_t size, float* fields) {
  uint8_t* open = NeedsGateRecord(activation_) ? open_.data() + begin : nullptr;
  Activate(activation_, size, fields, open);
}

void Sigma::ForwardWithBias(int64_t begin, int64_t places, int64_t channels, const float* bias,
                            float* fields) {
  if (bias == nullptr) return Forward(begin, places * channels, fields);
  const int64_t chunk = std::max<int64_t>(kChunkFloats / channels, 1);
  for (int64_t place = 0; place < places; place += chunk) {
    const int64_t count = std::min(chunk, places - place);
    float* values = fields + place * channels;
    AddByChannel(count, channels, bias, values);
    Forward(begin + place * channels, count * channels, values);
  }
}

void Sigma::Gate(const Layer::Trace& trace, float* delta) const {
  Gate(0, trace.rows * units_, trace.output, delta);
}

void Sigma::Gate(int64_t begin, int64_t size, const float* outputs, float* delta) const {
  const uint8_t* open = NeedsGateRecord(activation_) ? open_.data() + begin : nullptr;
  nn::Gate(activation_, size, outputs, open, delta);
}

}  // namespace hebb::nn
