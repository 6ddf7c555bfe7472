// SPDX-License-Identifier: Apache-2.0
// Batch normalisation by channel, as in nn/batch_norm.h: same sums, same roundings but for their
// order.
//
// Statistics come in sets: one for the whole batch, or one for each slice.
#ifndef HEBB_WORKER_GPU_KERNELS_NORM_H_
#define HEBB_WORKER_GPU_KERNELS_NORM_H_

#include "worker/gpu/kernels/activation.h"
#include "worker/gpu/kernels/device.h"
#include "worker/gpu/kernels/reductions.h"

namespace hebb::gpu::kernels {

// By set and channel.
struct NormStatistics {
  float* mean;
  double* inverse;  // 1 / deviation
  float* factor;    // scale / deviation
  float* constant;  // mean d
  float* slope;     // mean(d x_hat) / deviation
};

// How many values a channel the statistics of a set are over.
struct NormCount {
  const StepValues* step;   // of the gang's batch
  const uint32_t* offsets;  // of the slice, where this is not null
  double places;            // of a row

  HEBB_DEVICE double Of(Index set) const {
    const double rows = offsets != nullptr ? offsets[set + 1] - offsets[set] : step->batch;
    return rows * places;
  }
};

HEBB_DEVICE void SetMoments(const NormStatistics& to, Index i, double mean, double variance,
                            double epsilon, float scale) {
  to.mean[i] = static_cast<float>(mean);
  to.inverse[i] = 1.0 / sqrt(variance + epsilon);
  to.factor[i] = static_cast<float>(to.inverse[i] * scale);
}

// From sums of the values, then of their squares. Index: [set][channel]. T: float over the batch.
template <typename T>
struct NormFromSums {
  const T* sums;  // [set][2][channel]
  const float* scale;
  NormStatistics to;
  NormCount count;
  double epsilon;
  Index channels;

  HEBB_DEVICE void operator()(Index i) const {
    const Index c = i % channels, set = i / channels;
    const T* of_set = sums + static_cast<size_t>(set) * 2 * channels;
    const double rows = count.Of(set);
    const double values = rows > 0 ? rows : 1.0;  // a slice may be empty
    const double mean = of_set[c] / values;
    const double variance = of_set[channels + c] / values - mean * mean;
    // An infinite one would make a broken channel look like a flat one.
    const bool sound = variance - variance == 0;
    const double used = sound ? (variance > 0 ? variance : 0.0) : static_cast<double>(NAN);
    SetMoments(to, i, mean, used, epsilon, scale[c]);
  }
};
using NormFromBatch = NormFromSums<float>;
using NormFromSlices = NormFromSums<double>;

// Outside of training. Index: a channel.
struct NormFromRunning {
  const float* running_mean;
  const float* running_variance;
  const float* scale;
  NormStatistics to;
  double epsilon;

  HEBB_DEVICE void operator()(Index c) const {
    SetMoments(to, c, running_mean[c], running_variance[c], epsilon, scale[c]);
    to.constant[c] = 0;
    to.slope[c] = 0;
  }
};

// (x - mean) factor + shift, then sigma. Index: a unit.
struct Normalise {
  const float* input;
  const float* shift;
  NormStatistics by;
  const uint32_t* slice_of_row;  // null: one set
  float* output;
  uint8_t* open;
  Sigma sigma;
  Index channels;
  Index units;  // of a row

  HEBB_DEVICE void operator()(Index i) const {
    const Index c = i % channels;
    const Index set = slice_of_row == nullptr ? c : slice_of_row[i / units] * channels + c;
    const float field = (input[i] - by.mean[set]) * by.factor[set] + shift[c];
    output[i] = Activated(sigma, field, open == nullptr ? nullptr : open + i);
  }
};

// Parts of sum d and of sum d (x - mean), by slice: [slice][part][2][channel], index without the 2.
struct PartProducts {
  SliceParts of;
  const float* d;
  const float* input;
  NormStatistics by;
  double* partials;
  bool set_of_slice;

  HEBB_DEVICE void operator()(Index i) const {
    const SliceParts::Lines lines = of.Of(i);
    const Index c = i % of.columns, slice = i / of.columns / of.parts;
    const float mean = by.mean[set_of_slice ? slice * of.columns + c : c];
    double sum = 0, product = 0;
    for (size_t line = lines.begin; line < lines.end; line += kLinesAtOnce) {
      float errors[kLinesAtOnce], values[kLinesAtOnce];
      LinesAt(line, lines.end, d + c, of.columns, errors);
      LinesAt(line, lines.end, input + c, of.columns, values);
      HEBB_UNROLL
      for (Index k = 0; k < kLinesAtOnce; ++k) {
        sum += errors[k];
        product += static_cast<double>(errors[k]) * static_cast<double>(values[k] - mean);
      }
    }
    PutPair(of, i, sum, product, partials);
  }
};

// The local update of a slice from its [slice][2][channel] totals: of the scale, then the shift; of
// slice statistics also what passes back. Index: [slice][channel].
struct NormUpdate {
  const double* totals;
  NormStatistics by;
  NormCount count;
  float* updates;  // slice * stride on
  size_t stride;
  Index channels;
  bool set_of_slice;

  HEBB_DEVICE void operator()(Index i) const {
    const Index c = i % channels, slice = i / channels;
    const Index set = set_of_slice ? i : c;
    const double* of_slice = totals + static_cast<size_t>(slice) * 2 * channels;
    const double sum = of_slice[c], product = by.inverse[set] * of_slice[channels + c];
    float* to = updates + slice * stride;
    to[c] = static_cast<float>(product);
    to[channels + c] = static_cast<float>(sum);
    if (!set_of_slice) return;
    const double rows = count.Of(slice);
    const double values = rows > 0 ? rows : 1.0;
    by.constant[set] = static_cast<float>(sum / values);
    by.slope[set] = static_cast<float>(by.inverse[set] * product / values);
  }
};

// What passes back, from the whole batch's update. Index: a channel.
struct NormBackFromUpdate {
  const float* update;  // of the scale, then the shift
  NormStatistics by;
  NormCount count;
  Index channels;

  HEBB_DEVICE void operator()(Index c) const {
    const double values = count.Of(0);
    by.constant[c] = static_cast<float>(update[channels + c] / values);
    by.slope[c] = static_cast<float>(by.inverse[c] * update[c] / values);
  }
};

// factor (d - constant - slope (x - mean)). Index: a unit.
struct NormaliseBack {
  const float* d;
  const float* input;
  NormStatistics by;
  const uint32_t* slice_of_row;
  float* input_delta;
  Index channels;
  Index units;

  HEBB_DEVICE void operator()(Index i) const {
    const Index c = i % channels;
    const Index set = slice_of_row == nullptr ? c : slice_of_row[i / units] * channels + c;
    input_delta[i] =
        by.factor[set] * (d[i] - by.constant[set] - by.slope[set] * (input[i] - by.mean[set]));
  }
};

// The unbiased variance, as in PyTorch. Index: a channel.
struct RunningMoments {
  const float* sums;  // of the whole batch: values, then squares
  float* mean;
  float* variance;
  NormCount count;
  double momentum;
  Index channels;

  HEBB_DEVICE void operator()(Index c) const {
    const double values = count.Of(0);
    const double now = sums[c] / values;
    const double spread = sums[channels + c] / values - now * now;
    const double used = spread > 0 ? spread : (spread == spread ? 0.0 : spread);
    const double unbiased = used * values / (values > 2 ? values - 1 : 1.0);
    mean[c] = static_cast<float>((1 - momentum) * mean[c] + momentum * now);
    variance[c] = static_cast<float>((1 - momentum) * variance[c] + momentum * unbiased);
  }
};

}  // namespace hebb::gpu::kernels

#endif  // HEBB_WORKER_GPU_KERNELS_NORM_H_
