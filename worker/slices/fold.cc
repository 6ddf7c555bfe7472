// SPDX-License-Identifier: Apache-2.0
#include "worker/slices/fold.h"

#include <algorithm>

#include "common/check.h"

namespace hebb::slices {

Fold::Fold(std::span<const SliceRange> roots, std::span<const SliceRange> inputs)
    : roots_(static_cast<int>(roots.size())) {
  HEBB_CHECK(!roots.empty());
  for (int root = 0; root < roots_; ++root) {
    Compile(roots[root], inputs, /*below=*/0);
    steps_.back().root = root;
  }
  HEBB_CHECK(inputs.empty());
}

Fold Fold::OfRank(int slices, SliceRange owned) {
  return Fold(MaximalNodes(slices, owned), SingleLeaves(owned));
}

// `below`: entries on the stack before this node's. Takes the node's inputs off the list.
void Fold::Compile(SliceRange node, std::span<const SliceRange>& inputs, int below) {
  HEBB_CHECK(!inputs.empty());
  if (inputs.front() == node) {
    inputs = inputs.subspan(1);
    steps_.emplace_back();
    depth_ = std::max(depth_, below + 1);
    return;
  }
  HEBB_CHECK(node.size() > 1);  // else the inputs do not partition the roots
  Compile({node.begin, node.middle()}, inputs, below);
  Compile({node.middle(), node.end}, inputs, below + 1);
  ++steps_.back().merges;
}

}  // namespace hebb::slices
