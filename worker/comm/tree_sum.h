// SPDX-License-Identifier: Apache-2.0
// The fixed-tree sum over slices: the same additions in the same order for any number of ranks.
//
// Rank r of P has added up its slices to the maximal nodes of the tree (slices/slice_tree.h). It
// exchanges chunk c of each with rank c, which finishes the tree for its chunk; then all gather
// (design.md 5).
#ifndef HEBB_WORKER_COMM_TREE_SUM_H_
#define HEBB_WORKER_COMM_TREE_SUM_H_

#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "worker/comm/communicator.h"
#include "worker/slices/vector_memory.h"

namespace hebb::comm {

// Keeps its scratch memory between calls, so that a step allocates nothing after the first.
// One thread at a time.
class TreeSum {
 public:
  // Both are borrowed; the communicator takes pointers into that memory. REQUIRES: size <= slices.
  TreeSum(Communicator& communicator, int slices,
          slices::VectorMemory& memory = slices::HostMemory());
  ~TreeSum();

  // nodes[i]: maximal node i of this rank's slices (slices::MaximalNodes), each of sum.size()
  // floats, in the sum's memory, written; all ranks call it with equal sizes in the same order. On
  // success `sum` holds the total, the same bits on every rank, equal to the serial tree over all
  // slices. The nodes are left as they were, unless `sum` is the one node of this rank (in place).
  //
  // Errors: the communicator's; the memory's own; RESOURCE_EXHAUSTED: no room for what the others
  // send.
  absl::Status Sum(std::span<const float* const> nodes, std::span<float> sum, absl::Time deadline);

 private:
  struct Scratch;
  Communicator& communicator_;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace hebb::comm

#endif  // HEBB_WORKER_COMM_TREE_SUM_H_
