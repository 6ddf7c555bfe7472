// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/dropout.h"

#include <algorithm>
#include <cmath>

#include "common/random.h"
#include "worker/device/aligned_buffer.h"
#include "worker/device/simd.h"

namespace hebb::nn {
namespace {

constexpr uint32_t kLanes = 16;

// Philox4x32-10 of `kLanes` consecutive blocks, one lane each (Salmon et al. 2011, table 2).
// common/random.h is the reference; a test compares every word.
HEBB_SIMD void PhiloxLanes(const uint32_t* key, const uint32_t* counter, uint32_t* words) {
  uint32_t c0[kLanes], c1[kLanes], c2[kLanes], c3[kLanes];
  for (uint32_t i = 0; i < kLanes; ++i) {
    c0[i] = counter[0] + i;
    c1[i] = counter[1];
    c2[i] = counter[2];
    c3[i] = counter[3];
  }
  uint32_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; ++round) {
    for (uint32_t i = 0; i < kLanes; ++i) {
      const uint64_t a = uint64_t{0xD2511F53} * c0[i];
      const uint64_t b = uint64_t{0xCD9E8D57} * c2[i];
      c0[i] = static_cast<uint32_t>(b >> 32) ^ c1[i] ^ k0;
      c1[i] = static_cast<uint32_t>(b);
      c2[i] = static_cast<uint32_t>(a >> 32) ^ c3[i] ^ k1;
      c3[i] = static_cast<uint32_t>(a);
    }
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  for (uint32_t i = 0; i < kLanes; ++i) {
    words[4 * i] = c0[i];
    words[4 * i + 1] = c1[i];
    words[4 * i + 2] = c2[i];
    words[4 * i + 3] = c3[i];
  }
}

// keep[i] = whether word i's U is not below the rate; U = (word >> 8) / 2^24.
HEBB_SIMD void Decide(int64_t size, const uint32_t* words, uint32_t threshold, uint8_t* keep) {
  for (int64_t i = 0; i < size; ++i) keep[i] = (words[i] >> 8) >= threshold;
}

// One row: keep is canonical [channel][place], the values are [place][channel].
HEBB_SIMD void Mask(int64_t places, int64_t channels, const uint8_t* keep, float scale,
                    const float* from, float* to) {
  for (int64_t p = 0; p < places; ++p) {
    for (int64_t c = 0; c < channels; ++c) {
      to[p * channels + c] = keep[c * places + p] != 0 ? from[p * channels + c] * scale : 0.0f;
    }
  }
}

// One row: keep is by channel.
HEBB_SIMD void MaskChannels(int64_t places, int64_t channels, const uint8_t* keep, float scale,
                            const float* from, float* to) {
  for (int64_t p = 0; p < places; ++p) {
    for (int64_t c = 0; c < channels; ++c) {
      to[p * channels + c] = keep[c] != 0 ? from[p * channels + c] * scale : 0.0f;
    }
  }
}

HEBB_SIMD void MaskBackward(int64_t size, const float* output, float scale, const float* delta,
                            float* input_delta) {
  for (int64_t i = 0; i < size; ++i) input_delta[i] = output[i] != 0.0f ? delta[i] * scale : 0.0f;
}

class Dropout : public Layer {
 public:
  Dropout(const spec::Shape& shape, const spec::Dropout& dropout, int layer_index)
      : channels_(shape.channels),
        places_(shape.height * shape.width),
        per_channel_(dropout.per_channel),
        draws_(per_channel_ ? channels_ : shape.size()),
        layer_index_(static_cast<uint32_t>(layer_index)),
        threshold_(static_cast<uint32_t>(std::ceil(dropout.rate * 0x1p24))),
        scale_(static_cast<float>(1.0 / (1.0 - dropout.rate))),
        blocks_(static_cast<uint32_t>((draws_ + 4 * kLanes - 1) / (4 * kLanes) * kLanes)),
        words_(int64_t{4} * blocks_),
        keep_(draws_) {}

  absl::Status Prepare(int64_t) override { return absl::OkStatus(); }

  absl::Status Forward(const Batch& batch, std::span<const float* const> inputs,
                       float* output) override {
    const int64_t units = channels_ * places_;
    if (!batch.training || threshold_ == 0) {
      std::copy_n(inputs[0], batch.rows * units, output);
      return absl::OkStatus();
    }
    for (int64_t row = 0; row < batch.rows; ++row) {
      DropoutWords(batch.seed, layer_index_, static_cast<uint32_t>(batch.epoch),
                   static_cast<uint32_t>(batch.ids[row]), blocks_, words_.data());
      Decide(draws_, words_.data(), threshold_, keep_.data());
      const auto mask = per_channel_ ? MaskChannels : Mask;
      mask(places_, channels_, keep_.data(), scale_, inputs[0] + row * units, output + row * units);
    }
    return absl::OkStatus();
  }

  absl::Status Backward(const Trace& trace, const float* delta, int, float* input_delta) override {
    MaskBackward(trace.rows * channels_ * places_, trace.output, scale_, delta, input_delta);
    return absl::OkStatus();
  }

 private:
  const int64_t channels_;
  const int64_t places_;
  const bool per_channel_;
  const int64_t draws_;  // a row
  const uint32_t layer_index_;
  const uint32_t threshold_;  // U < rate exactly where the word's upper 24 bits are below
  const float scale_;
  const uint32_t blocks_;  // a multiple of kLanes
  device::AlignedBuffer<uint32_t> words_;
  device::AlignedBuffer<uint8_t> keep_;
};

}  // namespace

void DropoutWords(uint64_t seed, uint32_t layer, uint32_t epoch, uint32_t sample, uint32_t blocks,
                  uint32_t* words) {
  const uint32_t key[2] = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
  uint32_t counter[4] = {0, sample, epoch,
                         static_cast<uint32_t>(RandomPurpose::kDropout) << 24 | layer};
  for (uint32_t block = 0; block < blocks; block += kLanes) {
    counter[0] = block;
    PhiloxLanes(key, counter, words + int64_t{4} * block);
  }
}

std::unique_ptr<Layer> MakeDropout(const spec::Shape& shape, const spec::Dropout& dropout,
                                   int layer_index) {
  return std::make_unique<Dropout>(shape, dropout, layer_index);
}

}  // namespace hebb::nn
