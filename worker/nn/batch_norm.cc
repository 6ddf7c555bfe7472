// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/batch_norm.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/check.h"
#include "worker/device/aligned_buffer.h"
#include "worker/nn/channel_math.h"
#include "worker/nn/sigma.h"

namespace hebb::nn {
namespace {

// Normalising and activation take turns over so many floats, so that fields are still in the cache.
constexpr int64_t kChunkFloats = 8192;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

using DoubleBuffer = device::AlignedBuffer<double>;

class BatchNorm : public Layer, public BatchStatistics {
 public:
  BatchNorm(const spec::BatchNorm& norm, const spec::Shape& shape, const LayerMatrices& matrices)
      : channels_(shape.channels),
        places_(shape.height * shape.width),
        epsilon_(norm.epsilon),
        over_batch_(norm.statistics == spec::Statistics::kBatch),
        matrices_(matrices),
        sigma_(norm.activation, shape.size()),
        sums_(channels_),
        products_(channels_),
        inverse_(channels_),
        mean_(channels_),
        factor_(channels_),
        constant_(channels_),
        slope_(channels_) {}

  absl::Status Prepare(int64_t rows) override {
    sigma_.Prepare(rows);
    return absl::OkStatus();
  }

  BatchStatistics* batch_statistics() override { return this; }
  bool over_batch() const override { return over_batch_; }

  void Part(const Batch& batch, const float* input, float* part) const override {
    MomentsByChannel(batch.rows * places_, channels_, input, part, part + channels_);
  }

  void Take(std::span<const float> sums, int64_t places) override {
    HEBB_CHECK(static_cast<int64_t>(sums.size()) == 2 * channels_ && places > 0);
    for (int64_t c = 0; c < channels_; ++c) SetMoments(c, sums[c], sums[channels_ + c], places);
    count_ = places;
  }

  void TakeUpdate(std::span<const float> sums) override {
    HEBB_CHECK(static_cast<int64_t>(sums.size()) == 2 * channels_);
    for (int64_t c = 0; c < channels_; ++c) SetBackward(c, sums[c], sums[channels_ + c]);
  }

  absl::Status Forward(const Batch& batch, std::span<const float* const> inputs,
                       float* output) override {
    const int64_t places = batch.rows * places_;
    training_ = batch.training;
    if (!batch.training) {
      TakeRunning();
    } else if (!over_batch_) {
      MomentsByChannel(places, channels_, inputs[0], sums_.data(), products_.data());
      for (int64_t c = 0; c < channels_; ++c) {
        SetMoments(c, sums_.data()[c], products_.data()[c], places);
      }
      count_ = places;
    }
    for (int64_t c = 0; c < channels_; ++c) {
      factor_.data()[c] = static_cast<float>(inverse_.data()[c] * matrices_.forward[c]);
    }
    const int64_t chunk = std::max<int64_t>(kChunkFloats / channels_, 1);
    for (int64_t place = 0; place < places; place += chunk) {
      const int64_t count = std::min(chunk, places - place);
      float* fields = output + place * channels_;
      NormaliseByChannel(count, channels_, mean_.data(), factor_.data(), matrices_.bias,
                         inputs[0] + place * channels_, fields);
      sigma_.Forward(place * channels_, count * channels_, fields);
    }
    return absl::OkStatus();
  }

  void Gate(const Trace& trace, float* delta) override { sigma_.Gate(trace, delta); }

  absl::Status LocalUpdate(const Trace& trace, const float* d, const UpdateParts& parts) override {
    ProductsByChannel(trace.rows * places_, channels_, d, trace.inputs[0], mean_.data(),
                      sums_.data(), products_.data());
    for (int64_t c = 0; c < channels_; ++c) {
      const double sum = sums_.data()[c], product = inverse_.data()[c] * products_.data()[c];
      if (parts.forward != nullptr) parts.forward[c] = static_cast<float>(product);
      if (parts.bias != nullptr) parts.bias[c] = static_cast<float>(sum);
      if (!over_batch_) SetBackward(c, product, sum);
    }
    return absl::OkStatus();
  }

  absl::Status Backward(const Trace& trace, const float* d, int, float* input_delta) override {
    if (!training_) {
      std::fill_n(constant_.data(), channels_, 0.0f);
      std::fill_n(slope_.data(), channels_, 0.0f);
    }
    NormaliseBackByChannel(trace.rows * places_, channels_,
                           {factor_.data(), constant_.data(), mean_.data(), slope_.data()}, d,
                           trace.inputs[0], input_delta);
    return absl::OkStatus();
  }

 private:
  void SetMoments(int64_t c, double sum, double square, int64_t places) {
    const double mean = sum / static_cast<double>(places);
    const double variance = square / static_cast<double>(places) - mean * mean;
    // An infinite one would make a broken channel look like a flat one.
    Set(c, mean, std::isfinite(variance) ? std::max(variance, 0.0) : kNan);
  }

  void Set(int64_t c, double mean, double variance) {
    mean_.data()[c] = static_cast<float>(mean);
    inverse_.data()[c] = 1.0 / std::sqrt(variance + epsilon_);
  }

  void TakeRunning() {
    for (int64_t c = 0; c < channels_; ++c) {
      Set(c, matrices_.running_mean[c], matrices_.running_variance[c]);
    }
  }

  // From sum d x_hat and sum d: delta = scale / deviation (d - mean d - x_hat mean(d x_hat)).
  void SetBackward(int64_t c, double product, double sum) {
    const double count = static_cast<double>(count_);
    constant_.data()[c] = static_cast<float>(sum / count);
    slope_.data()[c] = static_cast<float>(inverse_.data()[c] * product / count);
  }

  const int64_t channels_;
  const int64_t places_;  // of one row
  const double epsilon_;
  const bool over_batch_;
  const LayerMatrices& matrices_;
  Sigma sigma_;
  int64_t count_ = 0;  // values a channel that the statistics are over
  bool training_ = false;
  // By channel.
  DoubleBuffer sums_;
  DoubleBuffer products_;
  DoubleBuffer inverse_;  // 1 / deviation
  device::FloatBuffer mean_;
  device::FloatBuffer factor_;    // scale / deviation
  device::FloatBuffer constant_;  // mean d
  device::FloatBuffer slope_;     // mean(d x_hat) / deviation
};

}  // namespace

std::unique_ptr<Layer> MakeBatchNorm(const spec::BatchNorm& norm, const spec::Shape& shape,
                                     const LayerMatrices& matrices) {
  return std::make_unique<BatchNorm>(norm, shape, matrices);
}

}  // namespace hebb::nn
