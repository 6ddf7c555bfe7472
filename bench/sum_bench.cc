// SPDX-License-Identifier: Apache-2.0
// The fixed-tree sum beside the raw library's own allreduce: ranks are threads (local; gloo over
// loopback), or the processes of an MPI world (mpirun -np P build/bin/sum_bench).
//
// One line per backend, ranks and size: median milliseconds of rounds in which the three take
// turns. "tree 1" has one slice per rank, the same input as the library's; "tree 8" adds up eight
// slices. "ratio" is the library's time over that of "tree 1" (above 1: the tree is faster), GB/s
// the size over the time of "tree 1".
#include <cstdio>
#include <functional>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "bench/machine.h"
#include "bench/raw_gloo.h"
#include "tests/contract/comm/map_rendezvous.h"
#include "tests/contract/comm/run_ranks.h"
#include "worker/comm/gloo_communicator.h"
#include "worker/comm/local_communicator.h"
#include "worker/comm/mpi_communicator.h"
#include "worker/comm/tree_sum.h"
#include "worker/slices/slice_tree.h"

namespace hebb::comm {
namespace {

constexpr int kSlices = 8;
constexpr size_t kBytes[] = {size_t{4} << 10, size_t{4} << 20, size_t{64} << 20};

absl::Time Soon() { return absl::Now() + absl::Seconds(60); }

int RoundsOf(size_t bytes) { return bytes <= (size_t{4} << 20) ? 21 : 5; }

using Sum = std::function<bool(std::span<float>)>;

// Milliseconds of one call on ranks that begin together; negative once something failed.
double OnceMs(Communicator& communicator, const std::function<bool()>& sum) {
  if (!communicator.Barrier(Soon()).ok()) return -1;
  const absl::Time begin = absl::Now();
  if (!sum()) return -1;
  return absl::ToDoubleMilliseconds(absl::Now() - begin);
}

// `library` sums in place; without one there is nothing to compare with.
void MeasureSize(Communicator& communicator, size_t bytes, const Sum& library) {
  const auto [rank, size] = communicator.topology();
  const size_t n = bytes / sizeof(float);
  const slices::SliceRange own = slices::SlicesOfRank(kSlices, rank, size);
  std::vector<std::vector<float>> memory(slices::MaximalNodes(kSlices, own).size(),
                                         std::vector<float>(n, 1.0f));
  std::vector<const float*> nodes;
  for (const auto& node : memory) nodes.push_back(node.data());
  std::vector<float> sum(n);
  TreeSum one(communicator, size);
  TreeSum eight(communicator, kSlices);
  const std::vector<std::function<bool()>> ways = {
      [&] { return library == nullptr || library(sum); },
      [&] {
        return one.Sum({nodes.data(), 1}, sum, Soon()).ok();
      },
      [&] { return eight.Sum(nodes, sum, Soon()).ok(); },
  };
  std::vector<std::vector<double>> times(ways.size());
  for (int round = 0; round <= RoundsOf(bytes); ++round) {
    for (size_t way = 0; way < ways.size(); ++way) {
      const double ms = OnceMs(communicator, ways[way]);
      if (round > 0) times[way].push_back(ms);  // the first grows the scratch memory
    }
  }
  if (rank != 0) return;
  std::vector<double> ms;
  for (const std::vector<double>& some : times) ms.push_back(bench::Median(some));
  const double gigabytes = static_cast<double>(bytes) / 1e6;
  std::printf("%-6s %5d %9zu ", std::string(communicator.backend()).c_str(), size, bytes >> 10);
  if (library != nullptr) {
    std::printf("%10.2f %8.2f %8.2f %6.2f", ms[0], ms[1], ms[2], ms[0] / ms[1]);
  } else {
    std::printf("%10s %8.2f %8.2f %6s", "-", ms[1], ms[2], "-");
  }
  std::printf(" %8.2f\n", gigabytes / ms[1]);
}

void Measure(Communicator& communicator, const Sum& library) {
  for (const size_t bytes : kBytes) MeasureSize(communicator, bytes, library);
}

void MeasureThreads(int ranks) {
  RunRanks(MakeLocalGang(ranks),
           [](Communicator& communicator) { Measure(communicator, nullptr); });
  MapRendezvous rendezvous;
  bench::RawGlooMeeting meeting;
  Gang gang;
  for (int rank = 0; rank < ranks; ++rank) {
    gang.push_back(MakeGlooCommunicator({.generation = "bench"}, {rank, ranks}, rendezvous));
  }
  RunRanks(gang, [&](Communicator& communicator) {
    const Topology topology = communicator.topology();
    bench::RawGloo raw;
    if (static_cast<ConnectableCommunicator&>(communicator).Connect(Soon()).ok() &&
        raw.Connect(meeting, topology.rank, topology.size)) {
      Measure(communicator, [&](std::span<float> data) { return raw.AllReduce(data); });
    }
  });
}

void MeasureWorld(MpiWorld& world) {
  std::vector<int> ranks(world.size());
  std::iota(ranks.begin(), ranks.end(), 0);
  const auto communicator =
      MakeMpiCommunicator({.world_ranks = ranks, .generation = "bench"}, world);
  if (!communicator->Connect(Soon()).ok()) return;
  // This communicator's AllReduce is MPI's.
  Measure(*communicator,
          [&](std::span<float> data) { return communicator->AllReduce(data, Soon()).ok(); });
}

int Main() {
  std::unique_ptr<MpiWorld> world;
  if (MpiWorld::Launched()) {
    auto made = MpiWorld::Init();
    if (!made.ok()) return 1;
    world = *std::move(made);
  }
  if (world == nullptr || world->rank() == 0) {
    std::printf("%-6s %5s %9s %10s %8s %8s %6s %8s\n", "comm", "ranks", "KiB", "library", "tree 1",
                "tree 8", "ratio", "GB/s");
  }
  if (world != nullptr) {
    MeasureWorld(*world);
  } else {
    for (const int ranks : {2, 4}) MeasureThreads(ranks);
  }
  return 0;
}

}  // namespace
}  // namespace hebb::comm

int main() { return hebb::comm::Main(); }
