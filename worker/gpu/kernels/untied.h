// SPDX-License-Identifier: Apache-2.0
// The three products of an untied layer (paper.md 7): a convolution whose every place has filters
// of its own. Matrices lie as in nn/untied_geometry.h: [place][tap][channel][filter] of the
// connections that exist.
//
// Weights are read once for a tile of rows, which lie in registers: the layer is bound by the
// memory that its weights lie in. Neighbouring indices share a place's weights, or the same rows;
// what an index reads of one line it reads four floats at a time, where they lie so.
#ifndef HEBB_WORKER_GPU_KERNELS_UNTIED_H_
#define HEBB_WORKER_GPU_KERNELS_UNTIED_H_

#include "worker/gpu/kernels/device.h"
#include "worker/gpu/kernels/pools.h"
#include "worker/gpu/kernels/reductions.h"
#include "worker/gpu/kernels/untied_shape.h"

namespace hebb::gpu::kernels {

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
    const float* w = weights + shape.Offset(y, x);
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
    const Four weight = FourOf(w, f, shape.filters);
    HEBB_UNROLL
    for (int r = 0; r < kTileRows; ++r) {
      const size_t there = row + r < batch ? r : 0;  // what is beyond is not stored
      const float value = in[there * shape.w.in_units()];
      HEBB_UNROLL
      for (int n = 0; n < kTileFilters; ++n) {
        sums[r][n] = MultiplyAdd(value, weight.of[n], sums[r][n]);
      }
    }
  }
  HEBB_DEVICE void Store(const float (&sums)[kTileRows][kTileFilters], int row, int place,
                         int f) const {
    HEBB_UNROLL
    for (int r = 0; r < kTileRows; ++r) {
      if (row + r >= batch) break;
      float* to =
          output + (static_cast<size_t>(row + r) * shape.places() + place) * shape.filters + f;
      HEBB_UNROLL
      for (int n = 0; n < kTileFilters; ++n) {
        if (f + n < shape.filters) to[n] = sums[r][n];
      }
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
    for (int f = 0; f < shape.filters; f += kTileFilters) {
      const Four weight = FourOf(w, f, shape.filters);
      HEBB_UNROLL
      for (int r = 0; r < kTileRows; ++r) {
        const size_t there = row + r < batch ? r : 0;  // what is beyond is not stored
        const Four error = FourOf(from + there * stride, f, shape.filters);
        HEBB_UNROLL
        for (int n = 0; n < kTileFilters; ++n) {
          sums[r] = MultiplyAdd(error.of[n], weight.of[n], sums[r]);
        }
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
    const float* in = input + static_cast<size_t>(pixel) * shape.w.channels;
    const float* out = d + static_cast<size_t>(place) * shape.filters;
    const size_t tap = static_cast<size_t>(j) * tx.count + k;
    Fold(in, out, c, f, shape.Offset(y, x) + (tap * shape.w.channels + c) * shape.filters + f);
  }

 private:
  static constexpr int kTile = kTileChannels * kTileFilters;

  HEBB_DEVICE void Fold(const float* in, const float* out, int c, int f, size_t at) const {
    float stack[kFoldDepth][kTile];  // of older sums; the newest is in registers
    int top = 0;
    for (int32_t slice = 0; slice < slices; ++slice) {
      float sums[kTile] = {};
      SliceSum(in, out, c, f, slice, sums);
      for (int8_t merge = 0; merge < program[2 * slice]; ++merge) {
        --top;
        HEBB_UNROLL
        for (int n = 0; n < kTile; ++n) sums[n] = stack[top][n] + sums[n];
      }
      const int8_t root = program[2 * slice + 1];
      if (root >= 0) {
        Store(sums, c, f, roots[root] + first + at);
        continue;
      }
      HEBB_UNROLL
      for (int n = 0; n < kTile; ++n) stack[top][n] = sums[n];
      ++top;
    }
  }
  HEBB_DEVICE void SliceSum(const float* in, const float* out, int c, int f, int32_t slice,
                            float (&sums)[kTile]) const {
    const uint32_t end = offsets[slice + 1];
    for (uint32_t row = offsets[slice]; row < end; ++row) {
      const size_t line = row;
      const Four x = FourOf(in + line * shape.w.in_units(), c, shape.w.channels);
      const Four e = FourOf(out + line * shape.places() * shape.filters, f, shape.filters);
      HEBB_UNROLL
      for (int m = 0; m < kTileChannels; ++m) {
        const float value = positive && x.of[m] < 0.0f ? 0.0f : x.of[m];
        HEBB_UNROLL
        for (int n = 0; n < kTileFilters; ++n) {
          float& sum = sums[m * kTileFilters + n];
          sum = MultiplyAdd(e.of[n], value, sum);
        }
      }
    }
  }
  HEBB_DEVICE void Store(const float (&sums)[kTile], int c, int f, float* to) const {
    HEBB_UNROLL
    for (int m = 0; m < kTileChannels; ++m) {
      HEBB_UNROLL
      for (int n = 0; n < kTileFilters; ++n) {
        if (c + m >= shape.w.channels || f + n >= shape.filters) continue;
        to[static_cast<size_t>(m) * shape.filters + n] = sums[m * kTileFilters + n];
      }
    }
  }
};

}  // namespace hebb::gpu::kernels

#endif  // HEBB_WORKER_GPU_KERNELS_UNTIED_H_
