// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/avg_pool.h"

#include <algorithm>
#include <cstdint>

#include "worker/device/aligned_buffer.h"
#include "worker/device/simd.h"
#include "worker/nn/channel_math.h"
#include "worker/nn/elementwise.h"
#include "worker/nn/pool_windows.h"

namespace hebb::nn {
namespace {

HEBB_SIMD void Scale(int64_t size, float factor, float* values) {
  for (int64_t i = 0; i < size; ++i) values[i] *= factor;
}

HEBB_SIMD void AddScaled(int64_t size, float factor, const float* from, float* to) {
  for (int64_t i = 0; i < size; ++i) to[i] += factor * from[i];
}

class AvgPool : public Layer {
 public:
  AvgPool(const spec::AvgPool& pool, const spec::ResolvedLayer& resolved)
      : in_(resolved.input),
        out_(resolved.output),
        windows_{pool.size, pool.stride == 0 ? pool.size : pool.stride, resolved.pad_before} {}

  absl::Status Prepare(int64_t) override { return absl::OkStatus(); }

  absl::Status Forward(const Batch& batch, std::span<const float* const> inputs,
                       float* output) override {
    for (int64_t row = 0; row < batch.rows; ++row) {
      const float* image = inputs[0] + row * in_.size();
      for (int64_t y = 0; y < out_.height; ++y) {
        for (int64_t x = 0; x < out_.width; ++x) {
          PoolWindow(image, y, x, output);
          output += out_.channels;
        }
      }
    }
    return absl::OkStatus();
  }

  absl::Status Backward(const Trace& trace, const float* d, int, float* input_delta) override {
    for (int64_t row = 0; row < trace.rows; ++row) {
      const float* image = d + row * out_.size();
      for (int64_t y = 0; y < in_.height; ++y) {
        for (int64_t x = 0; x < in_.width; ++x) {
          GatherPosition(image, y, x, input_delta);
          input_delta += in_.channels;
        }
      }
    }
    return absl::OkStatus();
  }

 private:
  using Range = PoolWindows::Range;

  // One over the positions of window (y, x) that lie inside.
  float Share(int64_t y, int64_t x) const {
    const int64_t positions =
        windows_.Inside(y, in_.height).size() * windows_.Inside(x, in_.width).size();
    return 1.0f / static_cast<float>(positions);
  }

  void PoolWindow(const float* image, int64_t y, int64_t x, float* mean) const {
    const Range rows = windows_.Inside(y, in_.height), columns = windows_.Inside(x, in_.width);
    std::fill_n(mean, in_.channels, 0.0f);
    for (int64_t i = rows.begin; i < rows.end; ++i) {
      for (int64_t j = columns.begin; j < columns.end; ++j) {
        AddInto(in_.channels, image + (i * in_.width + j) * in_.channels, mean);
      }
    }
    Scale(in_.channels, Share(y, x), mean);
  }

  void GatherPosition(const float* d, int64_t y, int64_t x, float* to) const {
    const Range rows = windows_.Over(y, out_.height), columns = windows_.Over(x, out_.width);
    std::fill_n(to, in_.channels, 0.0f);
    for (int64_t i = rows.begin; i < rows.end; ++i) {
      for (int64_t j = columns.begin; j < columns.end; ++j) {
        AddScaled(in_.channels, Share(i, j), d + (i * out_.width + j) * in_.channels, to);
      }
    }
  }

  const spec::Shape in_;
  const spec::Shape out_;
  const PoolWindows windows_;
};

class GlobalAvgPool : public Layer {
 public:
  explicit GlobalAvgPool(const spec::Shape& input)
      : channels_(input.channels), places_(input.height * input.width), sums_(channels_) {}

  absl::Status Prepare(int64_t) override { return absl::OkStatus(); }

  absl::Status Forward(const Batch& batch, std::span<const float* const> inputs,
                       float* output) override {
    const double places = static_cast<double>(places_);
    for (int64_t row = 0; row < batch.rows; ++row) {
      SumByChannel(places_, channels_, inputs[0] + row * places_ * channels_, sums_.data());
      for (int64_t c = 0; c < channels_; ++c) {
        output[row * channels_ + c] = static_cast<float>(sums_.data()[c] / places);
      }
    }
    return absl::OkStatus();
  }

  absl::Status Backward(const Trace& trace, const float* d, int, float* input_delta) override {
    const float share = 1.0f / static_cast<float>(places_);
    for (int64_t row = 0; row < trace.rows; ++row) {
      float* first = input_delta + row * places_ * channels_;
      std::copy_n(d + row * channels_, channels_, first);
      Scale(channels_, share, first);
      for (int64_t p = 1; p < places_; ++p) std::copy_n(first, channels_, first + p * channels_);
    }
    return absl::OkStatus();
  }

 private:
  const int64_t channels_;
  const int64_t places_;
  device::AlignedBuffer<double> sums_;
};

}  // namespace

std::unique_ptr<Layer> MakeAvgPool(const spec::AvgPool& pool, const spec::ResolvedLayer& resolved) {
  return std::make_unique<AvgPool>(pool, resolved);
}

std::unique_ptr<Layer> MakeGlobalAvgPool(const spec::Shape& input) {
  return std::make_unique<GlobalAvgPool>(input);
}

}  // namespace hebb::nn
