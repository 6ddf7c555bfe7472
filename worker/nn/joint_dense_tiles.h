// SPDX-License-Identifier: Apache-2.0
// The inner loops of a dense layer, once for each width of registers. They give the same bits.
//
// joint_dense_tiles_impl.h holds the code; the joint_dense_tiles_*_cpu.cc files compile it for one
// instruction set each, with the compiler's flag for it (worker/nn/CMakeLists.txt), and so include
// nothing else: no function that the linker might share with other files.
#ifndef HEBB_WORKER_NN_JOINT_DENSE_TILES_H_
#define HEBB_WORKER_NN_JOINT_DENSE_TILES_H_

#include <cstdint>

namespace hebb::nn {

// c[i][lane] = sum over k, in order, of a(i, k) panel[k][lane], for a few i and a few registers of
// lanes, which all stay in registers while k passes by.
struct DenseTile {
  int64_t depth = 0;         // how many k
  const float* a = nullptr;  // a(i, k) is a[i a_row + k a_step]
  int64_t a_row = 0;
  int64_t a_step = 0;
  const float* panel = nullptr;  // panel[k][lane] is panel[k panel_step + lane]
  int64_t panel_step = 0;
  float* packed = nullptr;  // where to leave a copy of the panel without gaps, or null
  float* c = nullptr;       // c[i][lane] is c[i c_row + lane]
  int64_t c_row = 0;
  bool resume = false;  // the sums go on from what c holds, instead of from +0
  // At last the sums are added to as many tiles, backwards from this one's end: sum = tile + sum.
  // Each lies without gaps in kDenseTileFloats.
  int merges = 0;
  const float* merged_end = nullptr;
};

// Immutable, hence thread-safe.
struct DenseTiles {
  const char* name;
  int rows;         // the most i of a tile
  int lanes;        // the most lanes of a panel,
  int width;        // a multiple of this many,
  int least_lanes;  // or this many
  // REQUIRES: 1 <= rows <= this->rows, lanes one of the above.
  void (*multiply)(int64_t rows, int64_t lanes, const DenseTile& tile);
  // to[j to_row + i] = from[i from_row + j] for i < rows, j < columns.
  void (*transpose)(int64_t rows, int64_t columns, const float* from, int64_t from_row, float* to,
                    int64_t to_row);
};

inline constexpr int64_t kDenseTileFloats = 8 * 48;  // of the largest tile

extern const DenseTiles kDenseTilesBase;
#if defined(__x86_64__)
extern const DenseTiles kDenseTilesAvx2;
extern const DenseTiles kDenseTilesAvx512;
// Each float of `a` and of the panel is a pair of bfloat16, at 2k and 2k + 1 in the direction of k,
// the first one in the lower bits; c is float32. Of a family of its own: no other tiles give its
// bits. REQUIRES: a machine with avx512_bf16.
extern const DenseTiles kDenseTilesBf16;
#endif

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_JOINT_DENSE_TILES_H_
