// SPDX-License-Identifier: Apache-2.0
// Folding a rank's slices to nodes, and all ranks' nodes to the root, gives the bits of the serial
// tree for any number of slices and ranks, on data where every other order of additions shows.
#include "worker/slices/fold.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <utility>
#include <vector>

#include "worker/slices/slice_tree.h"
#include "worker/slices/vector_fold.h"

namespace hebb::slices {
namespace {

using Vectors = std::vector<std::vector<float>>;

Vectors WideLeaves(int slices, size_t n) {
  std::mt19937 random(static_cast<unsigned>(slices * 1000003 + n));
  std::normal_distribution<float> normal;
  Vectors leaves(slices, std::vector<float>(n));
  for (auto& leaf : leaves) {
    for (float& x : leaf) x = std::ldexp(normal(random), static_cast<int>(random() % 60) - 30);
  }
  return leaves;
}

std::vector<const float*> Pointers(const Vectors& vectors) {
  std::vector<const float*> pointers;
  for (const auto& vector : vectors) pointers.push_back(vector.data());
  return pointers;
}

std::vector<float> SerialSum(const Vectors& leaves) {
  std::vector<float> sum(leaves[0].size());
  SerialTreeSum(Pointers(leaves), sum);
  return sum;
}

Vectors Folded(const Fold& fold, const std::vector<const float*>& inputs, size_t n) {
  Vectors roots(fold.roots(), std::vector<float>(n, -1.0f));
  std::vector<float*> pointers;
  for (auto& root : roots) pointers.push_back(root.data());
  VectorFold(fold).Run(inputs, pointers, n);
  return roots;
}

TEST(SlicesOfRankTest, PartitionsTheSlicesInOrder) {
  for (int slices = 1; slices <= 12; ++slices) {
    for (int size = 1; size <= slices; ++size) {
      int next = 0;
      for (int rank = 0; rank < size; ++rank) {
        const SliceRange range = SlicesOfRank(slices, rank, size);
        EXPECT_EQ(range.begin, next);
        EXPECT_GE(range.size(), 1);
        next = range.end;
      }
      EXPECT_EQ(next, slices);
    }
  }
}

TEST(SerialTreeSumTest, AddsInTheDocumentedOrder) {
  // Five slices: (0, 5) = (0, 2) + (2, 5), (2, 5) = (2, 3) + (3, 5).
  const Vectors x = WideLeaves(5, 1);
  const float left = x[0][0] + x[1][0];
  const float right = x[2][0] + (x[3][0] + x[4][0]);
  EXPECT_EQ(SerialSum(x)[0], left + right);
}

TEST(FoldTest, IsAStackProgramOfTheTree) {
  const Fold fold = Fold::OfRank(8, {1, 8});  // nodes 1, (2, 4) and (4, 8)
  EXPECT_EQ(fold.roots(), 3);
  EXPECT_EQ(fold.depth(), 3);
  const std::vector<int> merges = {0, 0, 1, 0, 1, 0, 2};
  const std::vector<int> roots = {0, -1, 1, -1, -1, -1, 2};
  for (int i = 0; i < fold.inputs(); ++i) {
    EXPECT_EQ(fold.merges(i), merges[i]) << i;
    EXPECT_EQ(fold.root(i), roots[i]) << i;
  }
}

TEST(VectorFoldTest, NodesOfAnyRanksMakeTheSerialSum) {
  for (int slices = 1; slices <= 11; ++slices) {
    for (int size = 1; size <= slices; ++size) {
      const size_t n = 2500;
      const Vectors leaves = WideLeaves(slices, n);
      const std::vector<const float*> inputs = Pointers(leaves);
      std::vector<SliceRange> ranges;
      Vectors nodes;
      for (int rank = 0; rank < size; ++rank) {
        const SliceRange owned = SlicesOfRank(slices, rank, size);
        for (const SliceRange& range : MaximalNodes(slices, owned)) ranges.push_back(range);
        const std::vector<const float*> own(inputs.begin() + owned.begin,
                                            inputs.begin() + owned.end);
        for (auto& node : Folded(Fold::OfRank(slices, owned), own, n)) {
          nodes.push_back(std::move(node));
        }
      }
      const SliceRange root = {0, slices};
      EXPECT_EQ(Folded(Fold({&root, 1}, ranges), Pointers(nodes), n)[0], SerialSum(leaves))
          << slices << " slices, " << size << " ranks";
    }
  }
}

TEST(VectorFoldTest, WritesARootOverItsOwnInput) {
  Vectors leaves = WideLeaves(8, 2500);
  const std::vector<float> expected = SerialSum(leaves);
  float* root = leaves[3].data();
  VectorFold(Fold::OfRank(8, {0, 8})).Run(Pointers(leaves), {&root, 1}, 2500);
  EXPECT_EQ(leaves[3], expected);
}

}  // namespace
}  // namespace hebb::slices
