// SPDX-License-Identifier: Apache-2.0
// The tree in which a sum over slices is made, the same for any number of ranks (design.md 5).
//
// K slices are the leaves of one binary tree: node (lo, hi) is the sum of node (lo, mid) and node
// (mid, hi), mid = (lo + hi) / 2. Rank r of P owns slices [rK/P, (r+1)K/P) and adds up the maximal
// nodes that lie within; the rest of the tree is made of those (comm/tree_sum.h).
#ifndef HEBB_WORKER_SLICES_SLICE_TREE_H_
#define HEBB_WORKER_SLICES_SLICE_TREE_H_

#include <span>
#include <vector>

namespace hebb::slices {

// Slices [begin, end): what a rank owns, or a node of the tree.
struct SliceRange {
  int begin = 0;
  int end = 0;
  int size() const { return end - begin; }
  int middle() const { return (begin + end) / 2; }
  bool operator==(const SliceRange&) const = default;
};

// The slices that `rank` of `size` owns. REQUIRES: size <= slices.
SliceRange SlicesOfRank(int slices, int rank, int size);

// The maximal nodes of the tree over `slices` leaves that lie within `owned`, in order.
std::vector<SliceRange> MaximalNodes(int slices, SliceRange owned);

// The leaves of `range`, each a node of its own.
std::vector<SliceRange> SingleLeaves(SliceRange range);

// sum = the tree over leaves 0..K-1, all of sum.size() floats: the plain reference.
void SerialTreeSum(std::span<const float* const> leaves, std::span<float> sum);

}  // namespace hebb::slices

#endif  // HEBB_WORKER_SLICES_SLICE_TREE_H_
