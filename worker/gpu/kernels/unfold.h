// SPDX-License-Identifier: Apache-2.0
// Convolutions as products of matrices: every place's view of the image becomes a line.
#ifndef HEBB_WORKER_GPU_KERNELS_UNFOLD_H_
#define HEBB_WORKER_GPU_KERNELS_UNFOLD_H_

#include "worker/gpu/kernels/device.h"
#include "worker/gpu/kernels/pools.h"

namespace hebb::gpu::kernels {

// Index: an entry of the lines, [row][place][ky][kx][channel]; 0 outside the image.
struct Unfold {
  Windows w;
  const float* images;
  float* lines;

  HEBB_DEVICE void operator()(Index i) const {
    const auto channels = static_cast<Index>(w.channels), size = static_cast<Index>(w.size);
    const Index c = i % channels, tap = i / channels % (size * size);
    const Index line = i / channels / (size * size);
    const auto width = static_cast<Index>(w.out_width), height = static_cast<Index>(w.out_height);
    const Index row = line / (width * height), place = line % (width * height);
    const int y = static_cast<int>(place / width) * w.stride - w.pad + static_cast<int>(tap / size);
    const int x = static_cast<int>(place % width) * w.stride - w.pad + static_cast<int>(tap % size);
    const bool inside = y >= 0 && x >= 0 && y < w.in_height && x < w.in_width;
    const size_t pixel = static_cast<size_t>(row) * w.in_height * w.in_width;
    lines[i] = inside ? images[(pixel + y * w.in_width + x) * channels + c] : 0.0f;
  }
};

// The way back: each input unit adds up its entries, in the order of the places. Index: that unit.
struct Refold {
  Windows w;
  const float* lines;
  float* images;

  HEBB_DEVICE void operator()(Index i) const {
    const Unit u(i, w.in_units(), w.in_width, w.channels);
    const Range rows = w.Over(u.y, w.out_height), columns = w.Over(u.x, w.out_width);
    const size_t first = static_cast<size_t>(u.row) * w.out_height * w.out_width;
    float sum = 0.0f;
    for (int y = rows.begin; y < rows.end; ++y) {
      for (int x = columns.begin; x < columns.end; ++x) {
        const int tap = (u.y + w.pad - y * w.stride) * w.size + u.x + w.pad - x * w.stride;
        const size_t line = first + y * w.out_width + x;
        sum += lines[(line * w.size * w.size + tap) * w.channels + u.c];
      }
    }
    images[i] = sum;
  }
};

}  // namespace hebb::gpu::kernels

#endif  // HEBB_WORKER_GPU_KERNELS_UNFOLD_H_
