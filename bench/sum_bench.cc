// SPDX-License-Identifier: Apache-2.0
// The fixed-tree sum beside the communicator's own AllReduce: ranks are threads (local, gloo over
// loopback), or the processes of an MPI world (mpirun -np P build/bin/sum_bench).
//
// One line per backend, ranks and size: median milliseconds. "tree 1" has one slice per rank, the
// same input as AllReduce; "tree 8" adds up eight slices. GB/s = size / time of "tree 8".
#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "tests/contract/comm/map_rendezvous.h"
#include "tests/contract/comm/run_ranks.h"
#include "worker/comm/gloo_communicator.h"
#include "worker/comm/local_communicator.h"
#include "worker/comm/mpi_communicator.h"
#include "worker/comm/tree_sum.h"

namespace hebb::comm {
namespace {

constexpr int kSlices = 8;
constexpr size_t kBytes[] = {size_t{4} << 10, size_t{4} << 20, size_t{64} << 20};

absl::Time Soon() { return absl::Now() + absl::Seconds(60); }

int RoundsOf(size_t bytes) { return bytes <= (size_t{4} << 20) ? 21 : 5; }

// Median over rounds that begin together, after one that grows the scratch memory.
double MedianMs(Communicator& communicator, int rounds, const std::function<absl::Status()>& sum) {
  std::vector<double> times;
  for (int i = 0; i <= rounds; ++i) {
    if (!communicator.Barrier(Soon()).ok()) return -1;
    const absl::Time begin = absl::Now();
    if (!sum().ok()) return -1;
    if (i > 0) times.push_back(absl::ToDoubleMilliseconds(absl::Now() - begin));
  }
  std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
  return times[rounds / 2];
}

void Measure(Communicator& communicator) {
  const auto [rank, size] = communicator.topology();
  for (const size_t bytes : kBytes) {
    const size_t n = bytes / sizeof(float);
    const SliceRange own = SlicesOfRank(kSlices, rank, size);
    std::vector<std::vector<float>> slices(own.size(), std::vector<float>(n, 1.0f));
    std::vector<const float*> leaves;
    for (const auto& slice : slices) leaves.push_back(slice.data());
    std::vector<float> sum(n);
    TreeSum one(communicator, size);
    TreeSum eight(communicator, kSlices);
    const int rounds = RoundsOf(bytes);
    const double library =
        MedianMs(communicator, rounds, [&] { return communicator.AllReduce(sum, Soon()); });
    const double tree_one = MedianMs(communicator, rounds, [&] {
      return one.Sum({leaves.data(), 1}, sum, Soon());
    });
    const double tree_eight =
        MedianMs(communicator, rounds, [&] { return eight.Sum(leaves, sum, Soon()); });
    if (rank != 0) continue;
    std::printf("%-6s %5d %9zu %10.2f %8.2f %8.2f %8.2f\n",
                std::string(communicator.backend()).c_str(), size, bytes >> 10, library, tree_one,
                tree_eight, static_cast<double>(bytes) / tree_eight / 1e6);
  }
}

void MeasureThreads(int ranks) {
  RunRanks(MakeLocalGang(ranks), Measure);
  MapRendezvous rendezvous;
  Gang gang;
  for (int rank = 0; rank < ranks; ++rank) {
    gang.push_back(MakeGlooCommunicator({.generation = "bench"}, {rank, ranks}, rendezvous));
  }
  RunRanks(gang, [](Communicator& communicator) {
    if (static_cast<ConnectableCommunicator&>(communicator).Connect(Soon()).ok()) {
      Measure(communicator);
    }
  });
}

void MeasureWorld(MpiWorld& world) {
  std::vector<int> ranks(world.size());
  std::iota(ranks.begin(), ranks.end(), 0);
  const auto communicator =
      MakeMpiCommunicator({.world_ranks = ranks, .generation = "bench"}, world);
  if (communicator->Connect(Soon()).ok()) Measure(*communicator);
}

int Main() {
  std::unique_ptr<MpiWorld> world;
  if (MpiWorld::Launched()) {
    auto made = MpiWorld::Init();
    if (!made.ok()) return 1;
    world = *std::move(made);
  }
  if (world == nullptr || world->rank() == 0) {
    std::printf("%-6s %5s %9s %10s %8s %8s %8s\n", "comm", "ranks", "KiB", "AllReduce", "tree 1",
                "tree 8", "GB/s");
  }
  if (world != nullptr) {
    MeasureWorld(*world);
  } else {
    for (const int ranks : {1, 2, 4}) MeasureThreads(ranks);
  }
  return 0;
}

}  // namespace
}  // namespace hebb::comm

int main() { return hebb::comm::Main(); }
