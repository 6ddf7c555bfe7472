// SPDX-License-Identifier: Apache-2.0
// The inner loops of max pooling, a row of windows or of positions at a time: so that a call's cost
// does not count, and maxima and sums stay in registers.
#ifndef HEBB_WORKER_NN_MAX_POOL_LOOPS_H_
#define HEBB_WORKER_NN_MAX_POOL_LOOPS_H_

#include <cstdint>
#include <limits>
#include <span>

#include "worker/nn/pool_windows.h"

namespace hebb::nn {

// The place of a maximum that no position holds.
inline constexpr uint32_t kNoPlace = std::numeric_limits<uint32_t>::max();

// Everything is [y][x][channel]; a place is y * width + x of the input.
struct PoolRow {
  int64_t channels;
  // Of a row of windows: the positions that each holds; of a row of positions: the windows that
  // hold each.
  PoolWindows::Range rows;
  std::span<const PoolWindows::Range> columns;
  int64_t width;  // of what `columns` counts in: positions, or windows
};

// best = the maximum of each window over `image`; a NaN wins over numbers that came before it. A
// window of fewer than `whole` rows or columns holds a zero as well.
void MaximaOfRow(const PoolRow& row, int64_t whole, const float* image, float* best);

// The same; places: of the first of the maxima, or kNoPlace where a zero is alone.
void MaximaAndPlacesOfRow(const PoolRow& row, int64_t whole, const float* image, float* best,
                          uint32_t* places);

// to = for each position, the sum over the windows that hold it, in row order, of the deltas of
// those whose maximum equals `values`, the row's own.
void GatherWhereEqual(const PoolRow& row, const float* values, const float* best,
                      const float* delta, float* to);

// The same of those whose place it is; `first`: the row's first place.
void GatherWherePlace(const PoolRow& row, uint32_t first, const uint32_t* places,
                      const float* delta, float* to);

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_MAX_POOL_LOOPS_H_
