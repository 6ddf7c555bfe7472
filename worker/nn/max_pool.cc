// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/max_pool.h"

#include <cstdint>
#include <vector>

#include "worker/device/aligned_buffer.h"
#include "worker/nn/max_pool_loops.h"
#include "worker/nn/pool_windows.h"

namespace hebb::nn {
namespace {

class MaxPool : public Layer {
 public:
  MaxPool(const spec::MaxPool& pool, const spec::ResolvedLayer& resolved)
      : in_(resolved.input),
        out_(resolved.output),
        windows_{pool.size, pool.stride == 0 ? pool.size : pool.stride, resolved.pad_before},
        whole_(windows_.stride < windows_.size ? windows_.size : 0),
        ties_(pool.ties) {
    for (int64_t x = 0; x < out_.width; ++x) inside_.push_back(windows_.Inside(x, in_.width));
    for (int64_t x = 0; x < in_.width; ++x) over_.push_back(windows_.Over(x, out_.width));
  }

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
        const PoolRow windows = {in_.channels, windows_.Inside(y, in_.height), inside_, in_.width};
        const int64_t at = (row * out_.height + y) * out_.width * out_.channels;
        if (ties_ == spec::Ties::kFirst) {
          MaximaAndPlacesOfRow(windows, whole_, image, output + at, places_.data() + at);
        } else {
          MaximaOfRow(windows, whole_, image, output + at);
        }
      }
    }
    return absl::OkStatus();
  }

  // Gathers: each input position asks the windows that hold it, so that sums have a fixed order
  // and every position is written once.
  absl::Status Backward(const Trace& trace, const float* delta, int, float* input_delta) override {
    for (int64_t row = 0; row < trace.rows; ++row) {
      const int64_t windows = row * out_.size();
      for (int64_t y = 0; y < in_.height; ++y) {
        const PoolRow positions = {in_.channels, windows_.Over(y, out_.height), over_, out_.width};
        const int64_t at = (row * in_.height + y) * in_.width * in_.channels;
        if (ties_ == spec::Ties::kFirst) {
          GatherWherePlace(positions, static_cast<uint32_t>(y * in_.width),
                           places_.data() + windows, delta + windows, input_delta + at);
        } else {
          GatherWhereEqual(positions, trace.inputs[0] + at, trace.output + windows, delta + windows,
                           input_delta + at);
        }
      }
    }
    return absl::OkStatus();
  }

 private:
  const spec::Shape in_;
  const spec::Shape out_;
  const PoolWindows windows_;
  const int64_t whole_;  // rows and columns of a window that zeros leave alone; 0: of all
  const spec::Ties ties_;
  std::vector<PoolWindows::Range> inside_;  // by column of windows
  std::vector<PoolWindows::Range> over_;    // by column of positions
  device::AlignedBuffer<uint32_t> places_;  // ties = first: the input place of each maximum
};

}  // namespace

std::unique_ptr<Layer> MakeMaxPool(const spec::MaxPool& pool, const spec::ResolvedLayer& resolved) {
  return std::make_unique<MaxPool>(pool, resolved);
}

}  // namespace hebb::nn
