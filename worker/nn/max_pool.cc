// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/max_pool.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "worker/device/aligned_buffer.h"
#include "worker/device/simd.h"
#include "worker/nn/pool_windows.h"

namespace hebb::nn {
namespace {

constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

// Inner loops run over channels, which lie side by side. A NaN wins over numbers.
HEBB_SIMD void Maximum(int64_t channels, const float* values, float* best) {
  for (int64_t c = 0; c < channels; ++c) best[c] = values[c] <= best[c] ? best[c] : values[c];
}

HEBB_SIMD void MaximumAndPlace(int64_t channels, const float* values, uint32_t place, float* best,
                               uint32_t* places) {
  for (int64_t c = 0; c < channels; ++c) {
    const bool better = !(values[c] <= best[c]);
    best[c] = better ? values[c] : best[c];
    places[c] = better ? place : places[c];
  }
}

HEBB_SIMD void AddWhereEqual(int64_t channels, const float* values, const float* best,
                             const float* delta, float* to) {
  for (int64_t c = 0; c < channels; ++c) to[c] += values[c] == best[c] ? delta[c] : 0.0f;
}

HEBB_SIMD void AddWherePlace(int64_t channels, const uint32_t* places, uint32_t place,
                             const float* delta, float* to) {
  for (int64_t c = 0; c < channels; ++c) to[c] += places[c] == place ? delta[c] : 0.0f;
}

class MaxPool : public Layer {
 public:
  MaxPool(const spec::MaxPool& pool, const spec::ResolvedLayer& resolved)
      : in_(resolved.input),
        out_(resolved.output),
        windows_{pool.size, pool.stride == 0 ? pool.size : pool.stride, resolved.pad_before},
        zeros_take_part_(windows_.stride < windows_.size),
        ties_(pool.ties) {}

  absl::Status Prepare(int64_t rows) override {
    const int64_t needed = rows * out_.size();
    if (ties_ == spec::Ties::kFirst && places_.size() < needed) {
      places_ = device::AlignedBuffer<uint32_t>(needed);
    }
    return absl::OkStatus();
  }

  absl::Status Forward(const Batch& batch, std::span<const float* const> inputs,
                       float* output) override {
    for (int64_t row = 0; row < batch.rows; ++row) {
      const float* image = inputs[0] + row * in_.size();
      for (int64_t y = 0; y < out_.height; ++y) {
        for (int64_t x = 0; x < out_.width; ++x) {
          const int64_t at = ((row * out_.height + y) * out_.width + x) * out_.channels;
          PoolWindow(image, y, x, at, output + at);
        }
      }
    }
    return absl::OkStatus();
  }

  // Gathers: each input position asks the windows that hold it, so that sums have a fixed order
  // and every position is written once.
  absl::Status Backward(const Trace& trace, const float* delta, int, float* input_delta) override {
    for (int64_t row = 0; row < trace.rows; ++row) {
      for (int64_t y = 0; y < in_.height; ++y) {
        for (int64_t x = 0; x < in_.width; ++x) {
          const int64_t at = ((row * in_.height + y) * in_.width + x) * in_.channels;
          std::fill_n(input_delta + at, in_.channels, 0.0f);
          GatherPosition(trace, delta, {row, y, x}, input_delta + at);
        }
      }
    }
    return absl::OkStatus();
  }

 private:
  using Range = PoolWindows::Range;
  struct Position {
    int64_t row, y, x;
  };

  uint32_t Place(int64_t y, int64_t x) const { return static_cast<uint32_t>(y * in_.width + x); }

  void PoolWindow(const float* image, int64_t y, int64_t x, int64_t at, float* best) {
    const Range rows = windows_.Inside(y, in_.height), columns = windows_.Inside(x, in_.width);
    const bool first_ties = ties_ == spec::Ties::kFirst;
    uint32_t* places = first_ties ? places_.data() + at : nullptr;
    std::fill_n(best, in_.channels, -std::numeric_limits<float>::infinity());
    if (first_ties) std::fill_n(places, in_.channels, kNone);
    for (int64_t i = rows.begin; i < rows.end; ++i) {
      for (int64_t j = columns.begin; j < columns.end; ++j) {
        const float* values = image + (i * in_.width + j) * in_.channels;
        if (first_ties) {
          MaximumAndPlace(in_.channels, values, Place(i, j), best, places);
        } else {
          Maximum(in_.channels, values, best);
        }
      }
    }
    const bool whole = rows.size() == windows_.size && columns.size() == windows_.size;
    if (zeros_take_part_ && !whole) PoolZeros(best, places);
  }

  void PoolZeros(float* best, uint32_t* places) const {
    for (int64_t c = 0; c < in_.channels; ++c) {
      if (!(best[c] < 0.0f)) continue;
      best[c] = 0.0f;
      if (places != nullptr) places[c] = kNone;
    }
  }

  void GatherPosition(const Trace& trace, const float* delta, Position p, float* to) const {
    const Range rows = windows_.Over(p.y, out_.height), columns = windows_.Over(p.x, out_.width);
    const int64_t channels = in_.channels;
    const float* values =
        trace.inputs[0] + ((p.row * in_.height + p.y) * in_.width + p.x) * channels;
    for (int64_t i = rows.begin; i < rows.end; ++i) {
      for (int64_t j = columns.begin; j < columns.end; ++j) {
        const int64_t at = ((p.row * out_.height + i) * out_.width + j) * channels;
        if (ties_ == spec::Ties::kFirst) {
          AddWherePlace(channels, places_.data() + at, Place(p.y, p.x), delta + at, to);
        } else {
          AddWhereEqual(channels, values, trace.output + at, delta + at, to);
        }
      }
    }
  }

  const spec::Shape in_;
  const spec::Shape out_;
  const PoolWindows windows_;
  const bool zeros_take_part_;
  const spec::Ties ties_;
  device::AlignedBuffer<uint32_t> places_;  // ties = first: the input place of each maximum
};

}  // namespace

std::unique_ptr<Layer> MakeMaxPool(const spec::MaxPool& pool, const spec::ResolvedLayer& resolved) {
  return std::make_unique<MaxPool>(pool, resolved);
}

}  // namespace hebb::nn
