// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/dropout.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "common/random.h"
#include "worker/device/aligned_buffer.h"
#include "worker/device/simd.h"
#include "worker/nn/philox_mask.h"

namespace hebb::nn {
namespace {

// Eight bytes of eight rows, turned into eight bytes of eight columns.
void TransposeEight(uint64_t (&rows)[8]) {
  const auto swap = [&rows](int i, int j, int shift, uint64_t mask) {
    const uint64_t differ = ((rows[i] >> shift) ^ rows[j]) & mask;
    rows[j] ^= differ;
    rows[i] ^= differ << shift;
  };
  for (int i : {0, 1, 2, 3}) swap(i, i + 4, 32, 0x00000000FFFFFFFF);
  for (int i : {0, 1, 4, 5}) swap(i, i + 2, 16, 0x0000FFFF0000FFFF);
  for (int i : {0, 2, 4, 6}) swap(i, i + 1, 8, 0x00FF00FF00FF00FF);
}

// to[place][channel] = from[channel][place]
void ToChannelsLast(int64_t places, int64_t channels, const uint8_t* from, uint8_t* to) {
  const int64_t whole_places = places / 8 * 8, whole_channels = channels / 8 * 8;
  for (int64_t c = 0; c < whole_channels; c += 8) {
    for (int64_t p = 0; p < whole_places; p += 8) {
      uint64_t rows[8];
      for (int i = 0; i < 8; ++i) std::memcpy(&rows[i], from + (c + i) * places + p, 8);
      TransposeEight(rows);
      for (int i = 0; i < 8; ++i) std::memcpy(to + (p + i) * channels + c, &rows[i], 8);
    }
  }
  for (int64_t c = 0; c < channels; ++c) {
    const int64_t first = c < whole_channels ? whole_places : 0;
    for (int64_t p = first; p < places; ++p) to[p * channels + c] = from[c * places + p];
  }
}

HEBB_SIMD void Mask(int64_t size, const uint8_t* keep, float scale, const float* from, float* to) {
  for (int64_t i = 0; i < size; ++i) to[i] = keep[i] != 0 ? from[i] * scale : 0.0f;
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
        limit_(static_cast<uint32_t>(std::ceil(dropout.rate * 0x1p24) * 0x1p8 - 1)),
        drops_(dropout.rate > 0),
        scale_(static_cast<float>(1.0 / (1.0 - dropout.rate))),
        blocks_(static_cast<uint32_t>((draws_ + kMaskWords - 1) / kMaskWords) * kPhiloxTogether),
        keep_(int64_t{4} * blocks_),
        ordered_(draws_),
        mask_loop_(BestPhiloxMask()) {}

  absl::Status Prepare(int64_t) override { return absl::OkStatus(); }

  absl::Status Forward(const Batch& batch, std::span<const float* const> inputs,
                       float* output) override {
    const int64_t units = channels_ * places_;
    if (!batch.training || !drops_) {
      std::copy_n(inputs[0], batch.rows * units, output);
      return absl::OkStatus();
    }
    for (int64_t row = 0; row < batch.rows; ++row) {
      Draw(batch, row);
      DropRow(inputs[0] + row * units, output + row * units);
    }
    return absl::OkStatus();
  }

  absl::Status Backward(const Trace& trace, const float* delta, int, float* input_delta) override {
    MaskBackward(trace.rows * channels_ * places_, trace.output, scale_, delta, input_delta);
    return absl::OkStatus();
  }

 private:
  void Draw(const Batch& batch, int64_t row) {
    mask_loop_({{static_cast<uint32_t>(batch.seed), static_cast<uint32_t>(batch.seed >> 32)},
                {0, static_cast<uint32_t>(batch.ids[row]), static_cast<uint32_t>(batch.epoch),
                 static_cast<uint32_t>(RandomPurpose::kDropout) << 24 | layer_index_}},
               blocks_, limit_, keep_.data());
  }

  void DropRow(const float* from, float* to) {
    if (per_channel_) return MaskChannels(places_, channels_, keep_.data(), scale_, from, to);
    if (places_ == 1) return Mask(channels_, keep_.data(), scale_, from, to);
    ToChannelsLast(places_, channels_, keep_.data(), ordered_.data());
    Mask(draws_, ordered_.data(), scale_, from, to);
  }

  static constexpr int64_t kMaskWords = 4 * kPhiloxTogether;

  const int64_t channels_;
  const int64_t places_;
  const bool per_channel_;
  const int64_t draws_;  // a row
  const uint32_t layer_index_;
  const uint32_t limit_;  // U >= rate exactly where the word is above
  const bool drops_;
  const float scale_;
  const uint32_t blocks_;
  device::AlignedBuffer<uint8_t> keep_;     // of one row, canonical
  device::AlignedBuffer<uint8_t> ordered_;  // channels last
  const PhiloxMaskLoop mask_loop_;
};

}  // namespace

std::unique_ptr<Layer> MakeDropout(const spec::Shape& shape, const spec::Dropout& dropout,
                                   int layer_index) {
  return std::make_unique<Dropout>(shape, dropout, layer_index);
}

}  // namespace hebb::nn
