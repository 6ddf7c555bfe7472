// SPDX-License-Identifier: Apache-2.0
// The inner loops of an untied layer, once for each width of registers. They give the same bits.
//
// untied_tiles_impl.h holds the code; the untied_tiles_*_cpu.cc files compile it for one
// instruction set each, with the compiler's flag for it (worker/nn/CMakeLists.txt), and so include
// nothing else: no function that the linker might share with other files.
#ifndef HEBB_WORKER_NN_UNTIED_TILES_H_
#define HEBB_WORKER_NN_UNTIED_TILES_H_

#include <cstdint>

namespace hebb::nn {

// One output place and all rows. What it sees of x, from a pointer on, is `bands` pieces, one per
// row of taps, of `band` floats each (taps by channels), `band_stride` apart.
struct UntiedPlace {
  int64_t rows = 0;
  int64_t outs = 0;
  int64_t bands = 0;
  int64_t band = 0;
  int64_t band_stride = 0;
  int64_t x_stride = 0;  // floats from row to row
  int64_t h_stride = 0;
};

// Immutable, hence thread-safe.
struct UntiedTiles {
  const char* name;
  // h = bias + W x; bias may be null.
  void (*forward)(const UntiedPlace& place, const float* x, const float* w, const float* bias,
                  float* h);
  // g = sum over rows of d x^T; d has the stride of h.
  void (*update)(const UntiedPlace& place, const float* x, const float* d, float* g);
  // delta += B^T d, where a row is a lane: d is [filter][lane], delta [y][x][channel][lane] from
  // the first pixel that the place sees.
  void (*backward)(const UntiedPlace& place, int64_t lanes, const float* b, const float* d,
                   float* delta);
};

inline constexpr int64_t kUntiedMostLanes = 16;

// Lanes for so many rows: 4, 8 or 16.
inline int64_t UntiedLanes(int64_t rows) { return rows > 8 ? 16 : rows > 4 ? 8 : 4; }

extern const UntiedTiles kUntiedTilesBase;
#if defined(__x86_64__)
extern const UntiedTiles kUntiedTilesAvx2;
extern const UntiedTiles kUntiedTilesAvx512;
#endif

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_UNTIED_TILES_H_
