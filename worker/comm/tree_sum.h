// SPDX-License-Identifier: Apache-2.0
// The fixed-tree sum over slices: the same additions in the same order for any number of ranks.
//
// K slices are the leaves of one binary tree: node (lo, hi) is the sum of node (lo, mid) and node
// (mid, hi), mid = (lo + hi) / 2. Rank r of P owns slices [rK/P, (r+1)K/P), adds up its maximal
// subtrees, exchanges chunk c of each with rank c, which finishes the tree for its chunk; then all
// gather (design.md 5).
#ifndef HEBB_WORKER_COMM_TREE_SUM_H_
#define HEBB_WORKER_COMM_TREE_SUM_H_

#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "worker/comm/communicator.h"

namespace hebb::comm {

struct SliceRange {
  int begin = 0;
  int end = 0;
  int size() const { return end - begin; }
};

// The slices that `rank` of `size` owns. REQUIRES: size <= slices.
SliceRange SlicesOfRank(int slices, int rank, int size);

// Keeps its scratch memory between calls, so that a step allocates nothing after the first.
// One thread at a time.
class TreeSum {
 public:
  // `communicator` is borrowed. REQUIRES: size <= slices.
  TreeSum(Communicator& communicator, int slices);
  ~TreeSum();

  // leaves[i]: slice begin+i of this rank, each of sum.size() floats; all ranks call it with equal
  // sizes in the same order. On success `sum` holds the total, the same bits on every rank, equal
  // to the serial tree over all slices. The leaves are left as they were, unless `sum` is the one
  // leaf of this rank (in place).
  absl::Status Sum(std::span<const float* const> leaves, std::span<float> sum, absl::Time deadline);

 private:
  struct Scratch;
  Communicator& communicator_;
  const int slices_;
  std::unique_ptr<Scratch> scratch_;
};

// The same tree on one rank's leaves 0..K-1, the reference of the above.
void SerialTreeSum(std::span<const float* const> leaves, std::span<float> sum);

}  // namespace hebb::comm

#endif  // HEBB_WORKER_COMM_TREE_SUM_H_
