// SPDX-License-Identifier: Apache-2.0
// The additions of a slice tree, compiled once into a list and run tile by tile: a tile of every
// input is read once and all partial sums of it stay in the first-level cache.
#ifndef HEBB_WORKER_COMM_TILE_PROGRAM_H_
#define HEBB_WORKER_COMM_TILE_PROGRAM_H_

#include <cstddef>
#include <span>
#include <vector>

#include "worker/comm/tree_sum.h"

namespace hebb::comm {

// The maximal nodes of the tree over `slices` leaves that lie within `owned`, in order.
std::vector<SliceRange> MaximalNodes(int slices, SliceRange owned);

// Constant after construction; Run may be called by one thread at a time.
class TileProgram {
 public:
  // `root`: a node of the tree; `inputs`: nodes below it (or itself) that partition it, in order.
  TileProgram(SliceRange root, std::span<const SliceRange> inputs);

  // out = the sum of the inputs in tree order, n floats. `out` may be one of the inputs.
  // REQUIRES: inputs.size() is that of the constructor.
  void Run(std::span<const float* const> inputs, float* out, size_t n);

 private:
  static constexpr size_t kTile = 1024;  // floats

  // Where a partial sum is: an input, a scratch tile, or the output.
  enum class Place { kInput, kScratch, kOutput };
  struct Operand {
    Place place = Place::kInput;
    int number = 0;
  };
  struct Addition {
    Operand left, right, result;
  };

  Operand Compile(SliceRange node, int depth, std::span<const SliceRange> inputs);

  const size_t input_count_;
  std::vector<Addition> additions_;
  std::vector<float> scratch_;
};

}  // namespace hebb::comm

#endif  // HEBB_WORKER_COMM_TILE_PROGRAM_H_
