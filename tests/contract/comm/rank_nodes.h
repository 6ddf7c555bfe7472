// SPDX-License-Identifier: Apache-2.0
// What a rank brings to a sum over slices: its slices' vectors, folded to nodes of the tree.
#ifndef HEBB_TESTS_CONTRACT_COMM_RANK_NODES_H_
#define HEBB_TESTS_CONTRACT_COMM_RANK_NODES_H_

#include <span>
#include <vector>

#include "worker/comm/communicator.h"
#include "worker/slices/vector_fold.h"

namespace hebb::comm {

// Owns the nodes.
class RankNodes {
 public:
  // `leaves`: of the slices that the rank owns, n floats each.
  RankNodes(int slices, Topology topology, std::span<const float* const> leaves, size_t n) {
    slices::VectorFold fold(
        slices::Fold::OfRank(slices, slices::SlicesOfRank(slices, topology.rank, topology.size)));
    nodes_.assign(fold.fold().roots(), std::vector<float>(n));
    std::vector<float*> to;
    for (std::vector<float>& node : nodes_) to.push_back(node.data());
    fold.Run(leaves, to, n);
    pointers_.assign(to.begin(), to.end());
  }

  std::span<const float* const> pointers() const { return pointers_; }

 private:
  std::vector<std::vector<float>> nodes_;
  std::vector<const float*> pointers_;
};

}  // namespace hebb::comm

#endif  // HEBB_TESTS_CONTRACT_COMM_RANK_NODES_H_
