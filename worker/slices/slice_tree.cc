// SPDX-License-Identifier: Apache-2.0
#include "worker/slices/slice_tree.h"

#include <cstddef>
#include <cstdint>

#include "common/check.h"

namespace hebb::slices {
namespace {

void AppendMaximal(SliceRange node, SliceRange owned, std::vector<SliceRange>& nodes) {
  if (node.end <= owned.begin || owned.end <= node.begin) return;
  if (owned.begin <= node.begin && node.end <= owned.end) {
    nodes.push_back(node);
    return;
  }
  AppendMaximal({node.begin, node.middle()}, owned, nodes);
  AppendMaximal({node.middle(), node.end}, owned, nodes);
}

// One element of a node, straight from the definition: the middle depends on begin + end, so the
// absolute numbers count.
float NodeSum(std::span<const float* const> leaves, SliceRange node, size_t element) {
  if (node.size() == 1) return leaves[node.begin][element];
  const float left = NodeSum(leaves, {node.begin, node.middle()}, element);
  return left + NodeSum(leaves, {node.middle(), node.end}, element);
}

}  // namespace

SliceRange SlicesOfRank(int slices, int rank, int size) {
  return {static_cast<int>(int64_t{rank} * slices / size),
          static_cast<int>(int64_t{rank + 1} * slices / size)};
}

std::vector<SliceRange> MaximalNodes(int slices, SliceRange owned) {
  std::vector<SliceRange> nodes;
  AppendMaximal({0, slices}, owned, nodes);
  return nodes;
}

std::vector<SliceRange> SingleLeaves(SliceRange range) {
  std::vector<SliceRange> leaves;
  for (int i = range.begin; i < range.end; ++i) leaves.push_back({i, i + 1});
  return leaves;
}

void SerialTreeSum(std::span<const float* const> leaves, std::span<float> sum) {
  HEBB_CHECK(!leaves.empty());
  for (size_t i = 0; i < sum.size(); ++i) {
    sum[i] = NodeSum(leaves, {0, static_cast<int>(leaves.size())}, i);
  }
}

}  // namespace hebb::slices
