// SPDX-License-Identifier: Apache-2.0
// The three products of an untied layer (paper.md 7): a convolution whose every place has filters
// of its own. Matrices lie as in nn/untied_geometry.h: [place][tap][channel][filter] of the
// connections that exist.
//
// Weights are read once for a tile of rows, which lie in registers: the layer is bound by the
// memory that its weights lie in. Neighbouring indices share a place's weights, or the same rows.
#ifndef HEBB_WORKER_GPU_KERNELS_UNTIED_H_
#define HEBB_WORKER_GPU_KERNELS_UNTIED_H_

#include "worker/gpu/kernels/device.h"
#include "worker/gpu/kernels/pools.h"
#include "worker/gpu/kernels/reductions.h"

namespace hebb::gpu::kernels {

inline constexpr int kTileRows = 8;
inline constexpr int kTileFilters = 4;
inline constexpr int kTileChannels = 4;

HEBB_DEVICE int TilesOf(int n, int tile) { return (n + tile - 1) / tile; }

// Along one axis: the taps of a place that are inside the image (nn::TapRange).
struct Taps {
  int32_t tap, pixel, count, before;
};

struct UntiedShape {
  const Taps* rows;     // by y
  const Taps* columns;  // by x
  int column_taps;      // of all columns together
  int kernel;
  int filters;
  Windows w;  // channels: of the input

  HEBB_DEVICE size_t Offset(int y, int x) const {
    const size_t taps = static_cast<size_t>(rows[y].before) * column_taps +
                        static_cast<size_t>(rows[y].count) * columns[x].before;
    return taps * w.channels * filters;
  }
  HEBB_DEVICE int places() const { return w.out_height * w.out_width; }
};

// Index: [place][tile of rows][tile of filters].
struct UntiedForward {
  UntiedShape shape;
  const float* input;
  const float* weights;
  float* output;
  int batch;  // rows

  HEBB_DEVICE Index indices() const {
    return static_cast<Index>(shape.places()) * TilesOf(batch, kTileRows) *
           TilesOf(shape.filters, kTileFilters);
  }

  HEBB_DEVICE void operator()(Index i) const {
    const int filter_tiles = TilesOf(shape.filters, kTileFilters);
    const int row_tiles = TilesOf(batch, kTileRows);
    const int f = static_cast<int>(i % filter_tiles) * kTileFilters;
    const int row = static_cast<int>(i / filter_tiles % row_tiles) * kTileRows;
    const int place = static_cast<int>(i / filter_tiles / row_tiles);
    const int y = place / shape.w.out_width, x = place % shape.w.out_width;
    float sums[kTileRows][kTileFilters] = {};
    const Taps ty = shape.rows[y], tx = shape.columns[x];
    const float* w = weights + shape.Offset(y, x) + f;
    for (int j = 0; j < ty.count; ++j) {
      for (int k = 0; k < tx.count; ++k) {
        const int pixel = (ty.pixel + j) * shape.w.in_width + tx.pixel + k;
        const float* in = input + static_cast<size_t>(row) * shape.w.in_units() +
                          static_cast<size_t>(pixel) * shape.w.channels;
        for (int c = 0; c < shape.w.channels; ++c, w += shape.filters)
          AddTap(in + c, w, row, f, sums);
      }
    }
    Store(sums, row, place, f);
  }

 private:
  HEBB_DEVICE void AddTap(const float* in, const float* w, int row, int f,
                          float (&sums)[kTileRows][kTileFilters]) const {
    float weight[kTileFilters];
    for (int n = 0; n < kTileFilters; ++n) weight[n] = f + n < shape.filters ? w[n] : 0.0f;
    for (int r = 0; r < kTileRows; ++r) {
      const float value = row + r < batch ? in[static_cast<size_t>(r) * shape.w.in_units()] : 0.0f;
      for (int n = 0; n < kTileFilters; ++n) sums[r][n] += value * weight[n];
    }
  }
  HEBB_DEVICE void Store(const float (&sums)[kTileRows][kTileFilters], int row, int place,
                         int f) const {
    for (int r = 0; r < kTileRows && row + r < batch; ++r) {
      float* to =
          output + (static_cast<size_t>(row + r) * shape.places() + place) * shape.filters + f;
      for (int n = 0; n < kTileFilters && f + n < shape.filters; ++n) to[n] = sums[r][n];
    }
  }
};

// Each input position asks the places that see it. Index: [pixel][tile of rows][channel].
struct UntiedBack {
  UntiedShape shape;
  const float* d;
  const float* feedback;
  float* input_delta;
  int batch;

  HEBB_DEVICE Index indices() const {
    return static_cast<Index>(shape.w.in_height) * shape.w.in_width * TilesOf(batch, kTileRows) *
           shape.w.channels;
  }

  HEBB_DEVICE void operator()(Index i) const {
    const int row_tiles = TilesOf(batch, kTileRows);
    const int c = static_cast<int>(i % shape.w.channels);
    const int row = static_cast<int>(i / shape.w.channels % row_tiles) * kTileRows;
    const int pixel = static_cast<int>(i / shape.w.channels / row_tiles);
    const int py = pixel / shape.w.in_width, px = pixel % shape.w.in_width;
    const Range ys = shape.w.Over(py, shape.w.out_height);
    const Range xs = shape.w.Over(px, shape.w.out_width);
    float sums[kTileRows] = {};
    for (int y = ys.begin; y < ys.end; ++y) {
      for (int x = xs.begin; x < xs.end; ++x) {
        const Taps ty = shape.rows[y], tx = shape.columns[x];
        const size_t tap = static_cast<size_t>(py - ty.pixel) * tx.count + (px - tx.pixel);
        const float* w =
            feedback + shape.Offset(y, x) + (tap * shape.w.channels + c) * shape.filters;
        AddPlace(w, row, y * shape.w.out_width + x, sums);
      }
    }
    for (int r = 0; r < kTileRows && row + r < batch; ++r) {
      input_delta[static_cast<size_t>(row + r) * shape.w.in_units() +
                  static_cast<size_t>(pixel) * shape.w.channels + c] = sums[r];
    }
  }

 private:
  HEBB_DEVICE void AddPlace(const float* w, int row, int place, float (&sums)[kTileRows]) const {
    const size_t stride = static_cast<size_t>(shape.places()) * shape.filters;
    const float* from = d + row * stride + static_cast<size_t>(place) * shape.filters;
    for (int f = 0; f < shape.filters; ++f) {
      for (int r = 0; r < kTileRows; ++r) {
        if (row + r < batch) sums[r] += from[r * stride + f] * w[f];
      }
    }
  }
};

// sum d x^T slice by slice, folded where it is made: only the nodes go to memory. Index:
// [place][tap of the kernel][tile of channels][tile of filters].
struct UntiedUpdate {
  UntiedShape shape;
  const float* input;
  const float* d;
  const uint32_t* offsets;  // where each slice's rows begin, and the end
  float* const* roots;
  const int8_t* program;  // as FoldVectors
  int32_t slices;
  size_t first;   // where the matrix begins in a root
  bool positive;  // of relu(x) instead of x

  HEBB_DEVICE Index indices() const {
    return static_cast<Index>(shape.places()) * shape.kernel * shape.kernel *
           TilesOf(shape.w.channels, kTileChannels) * TilesOf(shape.filters, kTileFilters);
  }

  HEBB_DEVICE void operator()(Index i) const {
    const int filter_tiles = TilesOf(shape.filters, kTileFilters);
    const int channel_tiles = TilesOf(shape.w.channels, kTileChannels);
    const int f = static_cast<int>(i % filter_tiles) * kTileFilters;
    const int c = static_cast<int>(i / filter_tiles % channel_tiles) * kTileChannels;
    const Index rest = i / filter_tiles / channel_tiles;
    const int j = static_cast<int>(rest / shape.kernel % shape.kernel);
    const int k = static_cast<int>(rest % shape.kernel);
    const int place = static_cast<int>(rest / shape.kernel / shape.kernel);
    const int y = place / shape.w.out_width, x = place % shape.w.out_width;
    const Taps ty = shape.rows[y], tx = shape.columns[x];
    if (j >= ty.count || k >= tx.count) return;
    const int pixel = (ty.pixel + j) * shape.w.in_width + tx.pixel + k;
    const float* in = input + static_cast<size_t>(pixel) * shape.w.channels + c;
    const float* out = d + static_cast<size_t>(place) * shape.filters + f;
    const size_t tap = static_cast<size_t>(j) * tx.count + k;
    Fold(in, out, c, f, shape.Offset(y, x) + (tap * shape.w.channels + c) * shape.filters + f);
  }

 private:
  static constexpr int kTile = kTileChannels * kTileFilters;

  HEBB_DEVICE void Fold(const float* in, const float* out, int c, int f, size_t at) const {
    float stack[kFoldDepth][kTile];
    int top = 0;
    for (int32_t slice = 0; slice < slices; ++slice) {
      SliceSum(in, out, c, f, slice, stack[top++]);
      for (int8_t merge = 0; merge < program[2 * slice]; ++merge) {
        --top;
        for (int n = 0; n < kTile; ++n) stack[top - 1][n] += stack[top][n];
      }
      const int8_t root = program[2 * slice + 1];
      if (root >= 0) Store(stack[--top], c, f, roots[root] + first + at);
    }
  }
  HEBB_DEVICE void SliceSum(const float* in, const float* out, int c, int f, int32_t slice,
                            float (&sums)[kTile]) const {
    for (int n = 0; n < kTile; ++n) sums[n] = 0.0f;
    for (uint32_t row = offsets[slice]; row < offsets[slice + 1]; ++row) {
      const float* x = in + static_cast<size_t>(row) * shape.w.in_units();
      const float* e = out + static_cast<size_t>(row) * shape.places() * shape.filters;
      for (int m = 0; m < kTileChannels && c + m < shape.w.channels; ++m) {
        const float value = positive && x[m] < 0.0f ? 0.0f : x[m];
        for (int n = 0; n < kTileFilters && f + n < shape.filters; ++n) {
          sums[m * kTileFilters + n] += e[n] * value;
        }
      }
    }
  }
  HEBB_DEVICE void Store(const float (&sums)[kTile], int c, int f, float* to) const {
    for (int m = 0; m < kTileChannels && c + m < shape.w.channels; ++m) {
      for (int n = 0; n < kTileFilters && f + n < shape.filters; ++n) {
        to[static_cast<size_t>(m) * shape.filters + n] = sums[m * kTileFilters + n];
      }
    }
  }
};

}  // namespace hebb::gpu::kernels

#endif  // HEBB_WORKER_GPU_KERNELS_UNTIED_H_
