// SPDX-License-Identifier: Apache-2.0
// Sums over the ranks of a gang: of threads of this process, or of the processes of an MPI world.
#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status_macros.h"
#include "common/steady_clock.h"
#include "worker/comm/gloo_communicator.h"
#include "worker/comm/tree_sum.h"
#include "worker/engine/oracle/scene.h"
#include "worker/gpu/device_memory.h"
#include "worker/gpu/nccl_communicator.h"
#include "worker/runtime/conformance.h"
#include "worker/runtime/own_rendezvous.h"
#include "worker/slices/slice_tree.h"

namespace hebb::runtime {
namespace {

constexpr int kSumSlices = 8;
constexpr size_t kFloats = 30011;  // no multiple of anything
constexpr absl::Duration kSumWithin = absl::Seconds(20);
// Of a sum of eight random numbers in any order: each addition rounds by 6e-8 of what it has.
constexpr double kAnyOrderLimit = 1e-6;

using Vectors = std::vector<std::vector<float>>;

std::vector<const float*> PointersTo(const Vectors& vectors) {
  std::vector<const float*> pointers;
  for (const std::vector<float>& vector : vectors) pointers.push_back(vector.data());
  return pointers;
}

// The slices' updates, the same on every rank, and what they come to.
struct Task {
  explicit Task(uint64_t seed)
      : leaves(kSumSlices, std::vector<float>(kFloats)), tree(kFloats), exact(kFloats) {
    std::mt19937_64 random(seed);
    std::normal_distribution<float> normal;
    for (std::vector<float>& leaf : leaves) {
      std::generate(leaf.begin(), leaf.end(), [&] { return normal(random); });
      for (size_t i = 0; i < kFloats; ++i) exact[i] += leaf[i];
    }
    slices::SerialTreeSum(PointersTo(leaves), tree);
  }
  Vectors leaves;
  std::vector<float> tree;
  std::vector<double> exact;
};

// What a rank finds of its two sums. Sent as bytes.
struct Verdict {
  double tree = std::numeric_limits<double>::infinity();  // 0: the same bits
  double library = std::numeric_limits<double>::infinity();
};

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// As an engine does: the rank's leaves are folded in its memory, the rest is the communicator's.
absl::Status SumOnRank(const RankParts& parts, const Task& task, Verdict& verdict) {
  const absl::Time deadline = SteadyNow() + kSumWithin;
  comm::ConnectableCommunicator& communicator = *parts.communicator;
  HEBB_RETURN_IF_ERROR(communicator.Connect(deadline));
  const auto [rank, size] = communicator.topology();
  const slices::SliceRange owned = slices::SlicesOfRank(kSumSlices, rank, size);
  const slices::Fold fold = slices::Fold::OfRank(kSumSlices, owned);
  std::vector<slices::OwnedVector> leaves, nodes;
  std::vector<const float*> inputs;
  std::vector<float*> roots;
  for (int slice = owned.begin; slice < owned.end; ++slice) {
    leaves.emplace_back(*parts.memory, kFloats);
    HEBB_RETURN_IF_ERROR(parts.memory->FromHost(task.leaves[slice], leaves.back().data()));
    inputs.push_back(leaves.back().data());
  }
  for (int i = 0; i < fold.roots(); ++i) {
    nodes.emplace_back(*parts.memory, kFloats);
    roots.push_back(nodes.back().data());
  }
  HEBB_RETURN_IF_ERROR(parts.memory->MakeFolding(fold)->Run(inputs, roots, kFloats));

  std::vector<float> own(kFloats), read(kFloats);
  for (const float* const root : roots) {
    HEBB_RETURN_IF_ERROR(parts.memory->ToHost(root, read));
    for (size_t i = 0; i < kFloats; ++i) own[i] += read[i];
  }
  HEBB_RETURN_IF_ERROR(communicator.AllReduce(own, deadline));
  verdict.library = engine::RelativeError(own, task.exact);

  const slices::OwnedVector sum(*parts.memory, kFloats);
  comm::TreeSum tree(communicator, kSumSlices, *parts.memory);
  const std::vector<const float*> ready(roots.begin(), roots.end());
  HEBB_RETURN_IF_ERROR(tree.Sum(ready, sum.span(), deadline));
  HEBB_RETURN_IF_ERROR(parts.memory->ToHost(sum.data(), read));
  verdict.tree = SameBits(read, task.tree) ? 0 : 1;
  return absl::OkStatus();
}

// The worst rank's.
std::vector<ConformanceResult> ResultsOf(const std::string& group,
                                         const std::vector<Verdict>& verdicts,
                                         const absl::Status& status) {
  const std::string ranks =
      absl::StrCat(verdicts.size(), verdicts.size() == 1 ? " rank" : " ranks");
  std::vector<ConformanceResult> results = {
      {group, absl::StrCat("tree sum, ", ranks), "", 0, 0, "", ""},
      {group, absl::StrCat("library's own sum, ", ranks), "", 0, kAnyOrderLimit, "", ""}};
  for (size_t rank = 0; rank < verdicts.size(); ++rank) {
    const std::array<double, 2> found = {verdicts[rank].tree, verdicts[rank].library};
    for (size_t i = 0; i < found.size(); ++i) {
      if (found[i] < results[i].difference || (found[i] == 0 && rank > 0)) continue;
      results[i].difference = found[i];
      results[i].worst = absl::StrCat("rank ", rank);
    }
  }
  for (ConformanceResult& result : results) result.error = std::string(status.message());
  return results;
}

// NCCL under the communicator, which a gang of one has no need of: the sum of one is its bits.
absl::Status SumByCollective(gpu::Plugin& plugin, int device, const Task& task,
                             ConformanceResult& result) {
  HEBB_ASSIGN_OR_RETURN(const std::string id, plugin.MakeCollectiveId());
  HEBB_ASSIGN_OR_RETURN(const auto collective, plugin.MakeCollective(device));
  const absl::Time deadline = SteadyNow() + kSumWithin;
  const auto settle = [&]() -> absl::Status {
    for (;;) {
      const absl::Status status = collective->Poll();
      if (!gpu::IsInProgress(status)) return status;
      if (SteadyNow() > deadline) return absl::DeadlineExceededError("NCCL gives no answer");
      absl::SleepFor(absl::Milliseconds(1));
    }
  };
  HEBB_RETURN_IF_ERROR(collective->Init(id, 0, 1));
  HEBB_RETURN_IF_ERROR(settle());
  constexpr int64_t kBytes = kFloats * sizeof(float);
  HEBB_ASSIGN_OR_RETURN(void* const memory, collective->AllocateDevice(kBytes));
  std::vector<float> read(kFloats);
  const auto sum = [&]() -> absl::Status {
    HEBB_RETURN_IF_ERROR(collective->CopyIn(task.tree.data(), memory, kBytes));
    HEBB_RETURN_IF_ERROR(collective->Begin());
    HEBB_RETURN_IF_ERROR(collective->AllReduce(static_cast<float*>(memory), kFloats));
    HEBB_RETURN_IF_ERROR(collective->End());
    HEBB_RETURN_IF_ERROR(collective->CopyOut(memory, read.data(), kBytes));
    return settle();
  };
  const absl::Status status = sum();
  if (!status.ok()) collective->Abort();
  collective->FreeDevice(memory);
  HEBB_RETURN_IF_ERROR(status);
  result.difference = SameBits(read, task.tree) ? 0 : 1;
  return absl::OkStatus();
}

RankMaker NcclRanks(gpu::Plugin& plugin, const std::vector<gpu::DeviceInfo>& devices,
                    comm::Rendezvous& rendezvous, int ranks) {
  struct Keeps {
    std::unique_ptr<gpu::Ops> ops;
    std::unique_ptr<gpu::DeviceMemory> memory;
  };
  return [&plugin, &devices, &rendezvous,
          ranks](comm::Topology topology) -> absl::StatusOr<RankParts> {
    const int device = devices[topology.rank].index;
    const auto keeps = std::make_shared<Keeps>();
    HEBB_ASSIGN_OR_RETURN(keeps->ops, plugin.MakeOps(device));
    HEBB_ASSIGN_OR_RETURN(keeps->memory, gpu::DeviceMemory::Create(*keeps->ops));
    const std::string generation = absl::StrCat("conformance/1/", ranks);
    return RankParts{gpu::MakeNcclCommunicator({device, generation}, topology, rendezvous, plugin),
                     keeps->memory.get(), keeps};
  };
}

}  // namespace

std::vector<ConformanceResult> CompareSums(const std::string& group, int ranks,
                                           const RankMaker& make, uint64_t seed) {
  const Task task(seed);
  std::vector<absl::Status> ended(ranks);
  std::vector<Verdict> verdicts(ranks);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      const absl::StatusOr<RankParts> parts = make({rank, ranks});
      ended[rank] = parts.ok() ? SumOnRank(*parts, task, verdicts[rank]) : parts.status();
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto failed = std::find_if(ended.begin(), ended.end(),
                                   [](const absl::Status& status) { return !status.ok(); });
  return ResultsOf(group, verdicts, failed == ended.end() ? absl::OkStatus() : *failed);
}

RankMaker GlooRanks(const std::string& host, comm::Rendezvous& rendezvous, int ranks) {
  return [host, &rendezvous, ranks](comm::Topology topology) -> absl::StatusOr<RankParts> {
    const std::string generation = absl::StrCat("conformance/1/", ranks);
    return RankParts{comm::MakeGlooCommunicator({host, generation}, topology, rendezvous)};
  };
}

std::vector<ConformanceResult> CompareWorldSums(comm::MpiWorld& world, uint64_t seed) {
  comm::MpiOptions options;
  options.generation = "conformance/1/1";
  options.world_ranks.resize(world.size());
  std::iota(options.world_ranks.begin(), options.world_ranks.end(), 0);
  const RankParts parts = {comm::MakeMpiCommunicator(options, world)};
  std::vector<Verdict> all(world.size());
  Verdict own;
  absl::Status status = SumOnRank(parts, Task(seed), own);
  if (status.ok()) {
    status = parts.communicator->AllGather(std::as_bytes(std::span(&own, 1)),
                                           std::as_writable_bytes(std::span(all)),
                                           SteadyNow() + kSumWithin);
  }
  return ResultsOf("mpi", all, status);
}

std::vector<ConformanceResult> CompareNcclSums(gpu::Plugin& plugin, uint64_t seed) {
  std::vector<ConformanceResult> results;
  const absl::StatusOr<std::vector<gpu::DeviceInfo>> devices = plugin.Devices();
  ConformanceResult alone = {"nccl", "one GPU's sum with itself", "", 0, 0, "", ""};
  if (!devices.ok() || devices->empty()) {
    alone.error = devices.ok() ? "CUDA sees no GPU" : std::string(devices.status().message());
    return {alone};
  }
  alone.error =
      std::string(SumByCollective(plugin, devices->front().index, Task(seed), alone).message());
  results.push_back(std::move(alone));
  for (const int ranks : {1, 2, 4}) {
    if (ranks > static_cast<int>(devices->size())) break;
    OwnRendezvous rendezvous;
    for (ConformanceResult& result :
         CompareSums("nccl", ranks, NcclRanks(plugin, *devices, rendezvous, ranks), seed)) {
      results.push_back(std::move(result));
    }
  }
  return results;
}

}  // namespace hebb::runtime
