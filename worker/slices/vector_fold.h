// SPDX-License-Identifier: Apache-2.0
// Folds whole vectors, tile by tile: a tile of every input is read once and all sums of it stay in
// the first-level cache.
#ifndef HEBB_WORKER_SLICES_VECTOR_FOLD_H_
#define HEBB_WORKER_SLICES_VECTOR_FOLD_H_

#include <cstddef>
#include <span>
#include <vector>

#include "worker/slices/fold.h"

namespace hebb::slices {

// One thread at a time.
class VectorFold {
 public:
  explicit VectorFold(Fold fold);

  const Fold& fold() const { return fold_; }

  // roots[r] = root r of inputs[...], n floats each. A root may be one of its own inputs.
  // REQUIRES: as many inputs and roots as the fold has.
  void Run(std::span<const float* const> inputs, std::span<float* const> roots, size_t n);

 private:
  static constexpr size_t kTile = 1024;  // floats

  const Fold fold_;
  std::vector<float> sums_;            // a tile for each entry of the stack
  std::vector<const float*> entries_;  // of the stack: a tile of an input, or of sums_
};

}  // namespace hebb::slices

#endif  // HEBB_WORKER_SLICES_VECTOR_FOLD_H_
