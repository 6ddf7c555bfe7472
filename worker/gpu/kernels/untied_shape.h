// SPDX-License-Identifier: Apache-2.0
// Where an untied layer's numbers lie, and in which pieces its kernels take them.
#ifndef HEBB_WORKER_GPU_KERNELS_UNTIED_SHAPE_H_
#define HEBB_WORKER_GPU_KERNELS_UNTIED_SHAPE_H_

#include "worker/gpu/kernels/device.h"
#include "worker/gpu/kernels/pools.h"

namespace hebb::gpu::kernels {

inline constexpr int kTileRows = 8;
inline constexpr int kTileFilters = 4;
inline constexpr int kTileChannels = 4;

HEBB_DEVICE int TilesOf(int n, int tile) { return (n + tile - 1) / tile; }

struct alignas(16) Four {
  float of[4];
};

// Entries at, at + 1 ... of a line of n floats, 0 beyond. Lines of whole Fours begin at one.
HEBB_DEVICE Four FourOf(const float* line, int at, int n) {
  if (n % 4 == 0) return *reinterpret_cast<const Four*>(line + at);
  Four four;
  HEBB_UNROLL
  for (int i = 0; i < 4; ++i) four.of[i] = at + i < n ? line[at + i] : 0.0f;
  return four;
}

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

}  // namespace hebb::gpu::kernels

#endif  // HEBB_WORKER_GPU_KERNELS_UNTIED_SHAPE_H_
