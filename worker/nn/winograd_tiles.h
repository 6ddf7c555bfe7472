// SPDX-License-Identifier: Apache-2.0
// The inner loops of winograd_kernels.h, once for each width of registers. They give the same bits.
//
// winograd_tiles_impl.h holds the code; the winograd_tiles_*_cpu.cc files compile it for one
// instruction set each, with the compiler's flag for it (worker/nn/CMakeLists.txt), and so include
// nothing of ours but registers.h.
//
// A transformed block is [place of 16][tile][channel], places `place` floats apart, rows of
// channels next to each other. Numbers of channels are multiples of kWinogradChannels.
#ifndef HEBB_WORKER_NN_WINOGRAD_TILES_H_
#define HEBB_WORKER_NN_WINOGRAD_TILES_H_

#include <cstdint>

namespace hebb::nn {

inline constexpr int64_t kWinogradChannels = 16;
inline constexpr int kWinogradPlaces = 16;  // 4 by 4

// A square of pixels in a channels-last image: pixels lie `channels` floats apart.
struct WinogradPatch {
  float* pixels = nullptr;
  int64_t line = 0;  // floats from a row of pixels to the next
};

struct WinogradBlock {
  int64_t tiles = 0;
  int64_t channels = 0;
  int64_t place = 0;  // floats
};

// Immutable, hence thread-safe.
struct WinogradTiles {
  const char* name;
  // to = B^T x B of each patch of 4 by 4.
  void (*transform_input)(const WinogradPatch* patches, const WinogradBlock& block, float* to);
  // to = A d A^T of each patch of 2 by 2.
  void (*transform_errors)(const WinogradPatch* patches, const WinogradBlock& block, float* to);
  // Each patch of 2 by 2 = A^T m A.
  void (*transform_output)(const float* m, const WinogradBlock& block,
                           const WinogradPatch* patches);
  // m = v u at each place; u is [place][channel of v][channel of m] without gaps.
  void (*multiply)(const float* v, const WinogradBlock& from, const float* u, float* m,
                   const WinogradBlock& to);
  // sums += v^T d at each place, tile after tile; sums as u.
  void (*accumulate)(const float* v, const WinogradBlock& from, const float* d,
                     const WinogradBlock& errors, float* sums);
};

#if defined(__x86_64__)
extern const WinogradTiles kWinogradTilesAvx2;
extern const WinogradTiles kWinogradTilesAvx512;
#endif

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_WINOGRAD_TILES_H_
