// SPDX-License-Identifier: Apache-2.0
// Pooling, channels last. Window (y, x) begins at position (y stride - pad, x stride - pad).
#ifndef HEBB_WORKER_GPU_KERNELS_POOLS_H_
#define HEBB_WORKER_GPU_KERNELS_POOLS_H_

#include "worker/gpu/kernels/activation.h"
#include "worker/gpu/kernels/device.h"

namespace hebb::gpu::kernels {

inline constexpr uint32_t kNoPlace = 0xFFFFFFFFu;

struct Range {
  int begin, end;
  HEBB_DEVICE int size() const { return end - begin; }
};

struct Windows {
  int channels;
  int in_height, in_width, out_height, out_width;
  int size, stride, pad;

  // The part of a window that lies inside n positions.
  HEBB_DEVICE Range Inside(int window, int n) const {
    const int start = window * stride - pad;
    return {start > 0 ? start : 0, start + size < n ? start + size : n};
  }
  // The windows that hold position p.
  HEBB_DEVICE Range Over(int p, int windows) const {
    const int last = (p + pad) / stride;
    const int from = p + pad - size + stride;
    return {(from > 0 ? from : 0) / stride, last + 1 < windows ? last + 1 : windows};
  }
  HEBB_DEVICE int in_units() const { return in_height * in_width * channels; }
  HEBB_DEVICE int out_units() const { return out_height * out_width * channels; }
};

// A unit of a row of units.
struct Unit {
  HEBB_DEVICE Unit(Index i, int units_of_row, int width, int channels)
      : row(i / static_cast<Index>(units_of_row)) {
    const int u = static_cast<int>(i - row * static_cast<Index>(units_of_row));
    c = u % channels;
    x = u / channels % width;
    y = u / channels / width;
  }
  Index row;
  int y, x, c;
};

// Index: an output unit.
struct MaxPool {
  Windows w;
  const float* input;
  float* output;
  uint32_t* places;  // of the first maximum in its image, or kNoPlace; null: not wanted
  bool with_zeros;   // positions outside the image count as 0 (overlapping windows)

  HEBB_DEVICE void operator()(Index i) const {
    const Unit u(i, w.out_units(), w.out_width, w.channels);
    const float* image = input + static_cast<size_t>(u.row) * w.in_units() + u.c;
    const Range rows = w.Inside(u.y, w.in_height), columns = w.Inside(u.x, w.in_width);
    float top = -INFINITY;
    uint32_t where = kNoPlace;
    for (int y = rows.begin; y < rows.end; ++y) {
      for (int x = columns.begin; x < columns.end; ++x) {
        const int place = y * w.in_width + x;
        const float value = image[static_cast<size_t>(place) * w.channels];
        if (value <= top) continue;
        top = value;
        where = static_cast<uint32_t>(place);
      }
    }
    const bool hangs_over = rows.size() < w.size || columns.size() < w.size;
    if (with_zeros && hangs_over && top < 0.0f) {
      top = 0.0f;
      where = kNoPlace;
    }
    output[i] = top;
    if (places != nullptr) places[i] = where;
  }
};

// Each input position asks the windows that hold it, so that sums have a fixed order. Index: an
// input unit. With places: ties = first; without: all that equal the maximum.
struct MaxPoolBack {
  Windows w;
  const float* input;
  const float* output;
  const uint32_t* places;
  const float* delta;
  GatedDelta to;

  HEBB_DEVICE void operator()(Index i) const {
    const Unit u(i, w.in_units(), w.in_width, w.channels);
    const size_t of_row = static_cast<size_t>(u.row) * w.out_units() + u.c;
    const Range rows = w.Over(u.y, w.out_height), columns = w.Over(u.x, w.out_width);
    const auto place = static_cast<uint32_t>(u.y * w.in_width + u.x);
    const float own = input[i];
    float sum = 0.0f;
    for (int y = rows.begin; y < rows.end; ++y) {
      for (int x = columns.begin; x < columns.end; ++x) {
        const size_t at = of_row + static_cast<size_t>(y * w.out_width + x) * w.channels;
        const bool is_maximum = places != nullptr ? places[at] == place : output[at] == own;
        if (is_maximum) sum += delta[at];
      }
    }
    to.Put(i, sum);
  }
};

// Means over the positions of a window that lie inside. Index: an output unit.
struct AvgPool {
  Windows w;
  const float* input;
  float* output;

  HEBB_DEVICE void operator()(Index i) const {
    const Unit u(i, w.out_units(), w.out_width, w.channels);
    const float* image = input + static_cast<size_t>(u.row) * w.in_units() + u.c;
    const Range rows = w.Inside(u.y, w.in_height), columns = w.Inside(u.x, w.in_width);
    float sum = 0.0f;
    for (int y = rows.begin; y < rows.end; ++y) {
      for (int x = columns.begin; x < columns.end; ++x) {
        sum += image[static_cast<size_t>(y * w.in_width + x) * w.channels];
      }
    }
    output[i] = sum * (1.0f / static_cast<float>(rows.size() * columns.size()));
  }
};

// Index: an input unit.
struct AvgPoolBack {
  Windows w;
  const float* delta;
  GatedDelta to;

  HEBB_DEVICE void operator()(Index i) const {
    const Unit u(i, w.in_units(), w.in_width, w.channels);
    const float* of_row = delta + static_cast<size_t>(u.row) * w.out_units() + u.c;
    const Range rows = w.Over(u.y, w.out_height), columns = w.Over(u.x, w.out_width);
    float sum = 0.0f;
    for (int y = rows.begin; y < rows.end; ++y) {
      for (int x = columns.begin; x < columns.end; ++x) {
        const int positions = w.Inside(y, w.in_height).size() * w.Inside(x, w.in_width).size();
        sum += 1.0f / static_cast<float>(positions) *
               of_row[static_cast<size_t>(y * w.out_width + x) * w.channels];
      }
    }
    to.Put(i, sum);
  }
};

// Index: [row][channel]; and back, an input unit.
struct GlobalAvgPool {
  const float* input;
  float* output;
  Index places, channels;

  HEBB_DEVICE void operator()(Index i) const {
    const float* image = input + static_cast<size_t>(i / channels) * places * channels;
    double sum = 0;
    for (Index p = 0; p < places; ++p) sum += image[p * channels + i % channels];
    output[i] = static_cast<float>(sum / places);
  }
};
struct GlobalAvgPoolBack {
  const float* delta;
  GatedDelta to;
  Index places, channels;

  HEBB_DEVICE void operator()(Index i) const {
    const Index row = i / (places * channels);
    to.Put(i, delta[row * channels + i % channels] * (1.0f / static_cast<float>(places)));
  }
};

}  // namespace hebb::gpu::kernels

#endif  // HEBB_WORKER_GPU_KERNELS_POOLS_H_
