// SPDX-License-Identifier: Apache-2.0
// Sums over the ranks of a gang that lives in this process.
#include <cstring>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/steady_clock.h"
#include "worker/comm/gloo_communicator.h"
#include "worker/comm/tree_sum.h"
#include "worker/runtime/conformance.h"
#include "worker/runtime/own_rendezvous.h"
#include "worker/slices/slice_tree.h"
#include "worker/slices/vector_fold.h"

namespace hebb::runtime {
namespace {

constexpr int kSumSlices = 8;
constexpr size_t kFloats = 30011;  // no multiple of anything
constexpr absl::Duration kSumWithin = absl::Seconds(20);

using Vectors = std::vector<std::vector<float>>;

std::vector<const float*> PointersTo(const Vectors& vectors) {
  std::vector<const float*> pointers;
  for (const std::vector<float>& vector : vectors) pointers.push_back(vector.data());
  return pointers;
}

Vectors RandomLeaves(uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  Vectors leaves(kSumSlices, std::vector<float>(kFloats));
  for (std::vector<float>& leaf : leaves) {
    for (float& value : leaf) value = normal(random);
  }
  return leaves;
}

// What a rank adds up by itself.
Vectors NodesOf(const Vectors& leaves, slices::SliceRange owned) {
  slices::VectorFold fold(slices::Fold::OfRank(kSumSlices, owned));
  Vectors nodes(fold.fold().roots(), std::vector<float>(kFloats));
  std::vector<float*> roots;
  for (std::vector<float>& node : nodes) roots.push_back(node.data());
  const std::vector<const float*> all = PointersTo(leaves);
  fold.Run(std::span(all).subspan(owned.begin, owned.size()), roots, kFloats);
  return nodes;
}

absl::Status SumOnRank(comm::ConnectableCommunicator& communicator, const Vectors& leaves,
                       std::vector<float>& sum) {
  const absl::Time deadline = SteadyNow() + kSumWithin;
  HEBB_RETURN_IF_ERROR(communicator.Connect(deadline));
  const auto [rank, size] = communicator.topology();
  const Vectors nodes = NodesOf(leaves, slices::SlicesOfRank(kSumSlices, rank, size));
  comm::TreeSum tree(communicator, kSumSlices);
  return tree.Sum(PointersTo(nodes), sum, deadline);
}

ConformanceResult SumOverGloo(const std::string& host, int ranks, const Vectors& leaves,
                              const std::vector<float>& wanted) {
  OwnRendezvous rendezvous;
  std::vector<absl::Status> ended(ranks);
  Vectors sums(ranks, std::vector<float>(kFloats));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      const std::string name = absl::StrCat("conformance/1/", ranks);
      const auto communicator = comm::MakeGlooCommunicator({host, name}, {rank, ranks}, rendezvous);
      ended[rank] = SumOnRank(*communicator, leaves, sums[rank]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  ConformanceResult result;
  result.name = absl::StrCat("same bits over gloo, ", ranks, " ranks");
  for (int rank = 0; rank < ranks; ++rank) {
    if (!ended[rank].ok()) result.error = std::string(ended[rank].message());
    if (std::memcmp(sums[rank].data(), wanted.data(), kFloats * sizeof(float)) == 0) continue;
    result.difference = 1;
    result.worst = absl::StrCat("rank ", rank);
  }
  return result;
}

}  // namespace

std::vector<ConformanceResult> CompareSums(const std::string& host, uint64_t seed) {
  const Vectors leaves = RandomLeaves(seed);
  std::vector<float> wanted(kFloats);
  slices::SerialTreeSum(PointersTo(leaves), wanted);
  std::vector<ConformanceResult> results;
  for (const int ranks : {2, 4}) results.push_back(SumOverGloo(host, ranks, leaves, wanted));
  return results;
}

}  // namespace hebb::runtime
