// SPDX-License-Identifier: Apache-2.0
// The fixed-tree sum gives the bits of the serial tree on every rank, for any number of ranks and
// slices and any length, on data where every other order of additions shows.
#include "worker/comm/tree_sum.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "tests/contract/comm/rank_nodes.h"
#include "tests/contract/comm/run_ranks.h"
#include "tests/testing/count_allocations.h"
#include "worker/comm/local_communicator.h"

namespace hebb::comm {
namespace {

using slices::SerialTreeSum;
using slices::SliceRange;
using slices::SlicesOfRank;

absl::Time Soon() { return absl::Now() + absl::Seconds(30); }

enum class Kind { kNormal, kWide, kAnyBits };

float Draw(Kind kind, std::mt19937& random) {
  std::normal_distribution<float> normal;
  switch (kind) {
    case Kind::kNormal:
      return normal(random);
    case Kind::kWide:
      return std::ldexp(normal(random), static_cast<int>(random() % 60) - 30);
    case Kind::kAnyBits:  // both zeros, subnormals, every exponent that cannot overflow
      if (random() % 8 == 0) return random() % 2 == 0 ? -0.0f : 0.0f;
      const uint32_t exponent = random() % 4 == 0 ? 0 : random() % 240;
      return std::bit_cast<float>(static_cast<uint32_t>((random() & 0x807fffffu) | exponent << 23));
  }
  return 0;
}

std::vector<std::vector<float>> MakeLeaves(int slices, size_t n, Kind kind) {
  std::mt19937 random(static_cast<unsigned>(slices * 1000003 + n));
  std::vector<std::vector<float>> leaves(slices, std::vector<float>(n));
  for (auto& leaf : leaves) {
    for (float& value : leaf) value = Draw(kind, random);
  }
  return leaves;
}

std::vector<const float*> Pointers(const std::vector<std::vector<float>>& leaves,
                                   SliceRange range) {
  std::vector<const float*> pointers;
  for (int i = range.begin; i < range.end; ++i) pointers.push_back(leaves[i].data());
  return pointers;
}

std::vector<float> SerialSum(const std::vector<std::vector<float>>& leaves) {
  std::vector<float> sum(leaves[0].size());
  SerialTreeSum(Pointers(leaves, {0, static_cast<int>(leaves.size())}), sum);
  return sum;
}

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

// One gang, every length twice, so that reused scratch is tried too.
void ExpectSerialBits(int ranks, int slices, const std::vector<size_t>& lengths, Kind kind) {
  SCOPED_TRACE("ranks " + std::to_string(ranks) + ", slices " + std::to_string(slices));
  std::vector<std::vector<std::vector<float>>> inputs;
  std::vector<std::vector<float>> expected;
  for (const size_t n : lengths) {
    inputs.push_back(MakeLeaves(slices, n, kind));
    expected.push_back(SerialSum(inputs.back()));
  }
  RunRanks(MakeLocalGang(ranks), [&](Communicator& communicator) {
    const SliceRange own = SlicesOfRank(slices, communicator.topology().rank, ranks);
    TreeSum tree_sum(communicator, slices);
    for (int repeat = 0; repeat < 2; ++repeat) {
      for (size_t i = 0; i < lengths.size(); ++i) {
        std::vector<float> sum(lengths[i], -1.0f);
        const RankNodes nodes(slices, communicator.topology(), Pointers(inputs[i], own),
                              lengths[i]);
        ASSERT_TRUE(tree_sum.Sum(nodes.pointers(), sum, Soon()).ok());
        EXPECT_TRUE(SameBits(sum, expected[i])) << "n = " << lengths[i];
      }
    }
  });
}

class TreeSumTest : public testing::TestWithParam<Kind> {};

TEST_P(TreeSumTest, HasSerialBitsForAnyNumberOfRanks) {
  for (const int slices : {1, 3, 5, 8}) {
    for (int ranks = 1; ranks <= slices; ++ranks) {
      ExpectSerialBits(ranks, slices, {0, 1, 7, 1000, 5003}, GetParam());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, TreeSumTest,
                         testing::Values(Kind::kNormal, Kind::kWide, Kind::kAnyBits));

TEST(TreeSumLargeTest, HasSerialBitsOverSeveralSegments) {
  for (const int ranks : {1, 2, 3, 8}) ExpectSerialBits(ranks, 8, {1000003}, Kind::kWide);
}

TEST(TreeSumLargeTest, AnotherOrderOfAdditionsWouldShow) {
  const std::vector<std::vector<float>> leaves = MakeLeaves(8, 10000, Kind::kWide);
  const std::vector<float> tree = SerialSum(leaves);
  int different = 0;
  for (size_t i = 0; i < tree.size(); ++i) {
    float left_to_right = 0;
    for (const auto& leaf : leaves) left_to_right += leaf[i];
    different += left_to_right != tree[i];
  }
  EXPECT_GT(different, 1000);
}

// One of two ranks, whose peer says nothing and is not missed.
class SilentPeer final : public Communicator {
 public:
  Topology topology() const override { return {0, 2}; }
  absl::string_view backend() const override { return "none"; }
  absl::Status Exchange(std::span<const Send>, std::span<const Receive>, absl::Time) override {
    return absl::OkStatus();
  }
  absl::Status AllReduce(std::span<float>, absl::Time) override { return absl::OkStatus(); }
  absl::Status Broadcast(std::span<std::byte>, int, absl::Time) override {
    return absl::OkStatus();
  }
  absl::Status AllGather(std::span<const std::byte>, std::span<std::byte>, absl::Time) override {
    return absl::OkStatus();
  }
  absl::Status Barrier(absl::Time) override { return absl::OkStatus(); }
  void Abort(absl::string_view) override {}
};

TEST(TreeSumLargeTest, AllocatesNothingAfterTheFirstCall) {
  SilentPeer communicator;
  TreeSum tree_sum(communicator, 2);
  const std::vector<float> node(900001);
  std::vector<float> sum(node.size());
  const float* nodes[] = {node.data()};
  ASSERT_TRUE(tree_sum.Sum(nodes, sum, Soon()).ok());
  StartCountingAllocations();
  for (const size_t n : {node.size(), size_t{1000}, node.size()}) {
    ASSERT_TRUE(tree_sum.Sum(nodes, std::span(sum).first(n), Soon()).ok());
  }
  EXPECT_EQ(StopCountingAllocations().count, 0);
}

TEST(TreeSumLargeTest, SumsInPlaceWhereARankHasOneNode) {
  const std::vector<std::vector<float>> leaves = MakeLeaves(3, 900001, Kind::kWide);
  const std::vector<float> expected = SerialSum(leaves);
  RunRanks(MakeLocalGang(3), [&](Communicator& communicator) {
    std::vector<float> data = leaves[communicator.topology().rank];
    ASSERT_TRUE(communicator.AllReduce(data, Soon()).ok());
    EXPECT_TRUE(SameBits(data, expected));
  });
}

}  // namespace
}  // namespace hebb::comm
