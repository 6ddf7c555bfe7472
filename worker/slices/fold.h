// SPDX-License-Identifier: Apache-2.0
// A part of the slice tree as the program of a stack: the one order of additions that every sum
// over slices follows, whatever it adds (a register tile, a vector).
//
//   for each input i:  put it on the stack;
//                      merges(i) times: the two on top become their sum, lower + upper;
//                      if root(i) >= 0: take what is on top off, it is root number root(i).
#ifndef HEBB_WORKER_SLICES_FOLD_H_
#define HEBB_WORKER_SLICES_FOLD_H_

#include <span>
#include <vector>

#include "worker/slices/slice_tree.h"

namespace hebb::slices {

// Immutable, hence thread-safe.
class Fold {
 public:
  // `roots`: nodes of the tree, in order; `inputs`: nodes that partition them, in order.
  Fold(std::span<const SliceRange> roots, std::span<const SliceRange> inputs);

  // From the slices that a rank owns to their maximal nodes.
  static Fold OfRank(int slices, SliceRange owned);

  int inputs() const { return static_cast<int>(steps_.size()); }
  int roots() const { return roots_; }
  // The most entries that are on the stack at once.
  int depth() const { return depth_; }

  int merges(int input) const { return steps_[input].merges; }
  int root(int input) const { return steps_[input].root; }

 private:
  struct Step {
    int merges = 0;
    int root = -1;
  };

  void Compile(SliceRange node, std::span<const SliceRange>& inputs, int below);

  int roots_ = 0;
  int depth_ = 0;
  std::vector<Step> steps_;
};

}  // namespace hebb::slices

#endif  // HEBB_WORKER_SLICES_FOLD_H_
