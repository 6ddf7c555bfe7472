// SPDX-License-Identifier: Apache-2.0
// What the NCCL communicator adds to the contract (tests/contract/comm runs that on it too), over
// ranks as threads (thread_collective.h): memory of the device and of the host, NCCL's matching by
// order, peers whose death is seen or is not, and forming that can be broken off.
#include "worker/gpu/nccl_communicator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "common/steady_clock.h"
#include "tests/contract/comm/map_rendezvous.h"
#include "tests/contract/comm/rank_nodes.h"
#include "tests/contract/comm/run_ranks.h"
#include "tests/testing/gpu/thread_collective.h"
#include "tests/testing/wait.h"
#include "worker/comm/tree_sum.h"
#include "worker/gpu/device_memory.h"

namespace hebb::gpu {
namespace {

using comm::Communicator;
using comm::ConnectableCommunicator;
using comm::MapRendezvous;
using comm::Receive;
using comm::RunRanks;
using comm::Send;
using testing_support::WaitUntil;

constexpr absl::Duration kShort = absl::Milliseconds(150);
constexpr absl::Duration kPrompt = absl::Seconds(2);  // milliseconds, unless the machine is busy

absl::Time Soon() { return SteadyNow() + absl::Seconds(30); }

comm::Gang MakeGang(int size, comm::Rendezvous& rendezvous, Plugin& plugin) {
  comm::Gang gang;
  for (int rank = 0; rank < size; ++rank) {
    gang.push_back(
        MakeNcclCommunicator({.generation = "job/1/1"}, {rank, size}, rendezvous, plugin));
  }
  return gang;
}

absl::Status Connect(Communicator& communicator, absl::Time deadline) {
  return static_cast<ConnectableCommunicator&>(communicator).Connect(deadline);
}

bool Says(const absl::Status& status, absl::string_view text) {
  return status.message().find(text) != absl::string_view::npos;
}

// A connected gang over `plugin`, one thread a rank.
void RunGang(int size, ThreadPlugin& plugin, const std::function<void(Communicator&)>& body) {
  MapRendezvous rendezvous;
  const comm::Gang gang = MakeGang(size, rendezvous, plugin);
  RunRanks(gang, [](Communicator& communicator) {
    const absl::Status status = Connect(communicator, Soon());
    EXPECT_TRUE(status.ok()) << status;
  });
  RunRanks(gang, body);
}

// The device of the thread collective is the heap, so tests look at it directly.
class OnDevice {
 public:
  OnDevice(ThreadPlugin& plugin, size_t floats, float value)
      : ops_(plugin.device()), data_(static_cast<float*>(*ops_.Allocate(Bytes(floats)))) {
    values_ = {data_, floats};
    std::fill(values_.begin(), values_.end(), value);
  }
  ~OnDevice() { ops_.Free(data_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

  std::span<float> values() const { return values_; }
  std::span<std::byte> bytes() const { return std::as_writable_bytes(values_); }

 private:
  static int64_t Bytes(size_t floats) { return static_cast<int64_t>(floats * sizeof(float)); }

  HostOps ops_;
  float* data_;
  std::span<float> values_;
};

TEST(NcclCommunicatorTest, DeviceMemoryGoesWithoutCopies) {
  ThreadPlugin plugin;
  RunGang(3, plugin, [&](Communicator& communicator) {
    const auto [rank, size] = communicator.topology();
    EXPECT_EQ(communicator.backend(), "nccl");
    const OnDevice out(plugin, 1000, static_cast<float>(rank)), in(plugin, 1000, -1.0F);
    const Send send = {(rank + 1) % size, 1, out.bytes()};
    const Receive receive = {(rank + 2) % size, 1, in.bytes()};
    ASSERT_TRUE(communicator.Exchange({&send, 1}, {&receive, 1}, Soon()).ok());
    EXPECT_EQ(in.values()[999], static_cast<float>((rank + 2) % size));
    ASSERT_TRUE(communicator.AllReduce(out.values(), Soon()).ok());
    EXPECT_EQ(out.values()[0], 3.0F);
    ASSERT_TRUE(communicator.Broadcast(in.bytes(), 1, Soon()).ok());
    EXPECT_EQ(in.values()[0], 0.0F) << "what rank 1 had received";
  });
  EXPECT_EQ(plugin.copied, 0);
}

TEST(NcclCommunicatorTest, HostMemoryGoesThroughABufferThatGrows) {
  ThreadPlugin plugin;
  RunGang(2, plugin, [&](Communicator& communicator) {
    for (const size_t n : {size_t{3}, size_t{100000}, size_t{10}}) {
      std::vector<float> data(n, 1.0F);
      ASSERT_TRUE(communicator.AllReduce(data, Soon()).ok());
      EXPECT_EQ(std::count(data.begin(), data.end(), 2.0F), static_cast<int64_t>(n));
    }
  });
  EXPECT_EQ(plugin.copied, int64_t{2} * 2 * 4 * 100013) << "in and out, on both ranks";
  EXPECT_EQ(plugin.device()->UsedNow(), 0) << "the buffers are given back";
}

TEST(NcclCommunicatorTest, OneSideMayBeTheHosts) {
  ThreadPlugin plugin;
  RunGang(2, plugin, [&](Communicator& communicator) {
    const int rank = communicator.topology().rank;
    const OnDevice device(plugin, 10, 7.0F);
    std::vector<float> host(10, 5.0F);
    const std::span<std::byte> host_bytes = std::as_writable_bytes(std::span(host));
    const Send send = {1 - rank, 0, rank == 0 ? device.bytes() : host_bytes};
    const Receive receive = {1 - rank, 0, rank == 0 ? host_bytes : device.bytes()};
    ASSERT_TRUE(communicator.Exchange({&send, 1}, {&receive, 1}, Soon()).ok());
    EXPECT_EQ(rank == 0 ? host[9] : device.values()[9], rank == 0 ? 5.0F : 7.0F);
    ASSERT_TRUE(communicator.Broadcast(rank == 0 ? device.bytes() : host_bytes, 0, Soon()).ok());
    EXPECT_EQ(host[9], rank == 0 ? 5.0F : 7.0F);
  });
}

// Sizes differ by tag, so that a match by order alone would end the process.
TEST(NcclCommunicatorTest, MatchesByTagWhateverTheOrderOfTheLists) {
  ThreadPlugin plugin;
  RunGang(3, plugin, [&](Communicator& communicator) {
    const auto [rank, size] = communicator.topology();
    std::mt19937 random(static_cast<unsigned>(rank) + 1);
    for (int round = 0; round < 50; ++round) {
      constexpr int kTags = 6;
      std::vector<std::vector<float>> out, in;
      std::vector<std::pair<int, int>> order;  // peer, tag
      for (int peer = 0; peer < size; ++peer) {
        for (int tag = 0; tag < kTags; ++tag) {
          if (peer != rank) order.emplace_back(peer, tag);
        }
      }
      std::vector<Send> sends;
      std::vector<Receive> receives;
      out.reserve(order.size());
      in.reserve(order.size());
      std::shuffle(order.begin(), order.end(), random);
      for (const auto& [peer, tag] : order) {
        out.emplace_back(tag + 1, static_cast<float>(100 * rank + 10 * peer + tag));
        sends.push_back({peer, static_cast<uint32_t>(tag), std::as_bytes(std::span(out.back()))});
      }
      std::shuffle(order.begin(), order.end(), random);
      for (const auto& [peer, tag] : order) {
        in.emplace_back(tag + 1, -1.0F);
        receives.push_back(
            {peer, static_cast<uint32_t>(tag), std::as_writable_bytes(std::span(in.back()))});
      }
      ASSERT_TRUE(communicator.Exchange(sends, receives, Soon()).ok());
      for (size_t i = 0; i < order.size(); ++i) {
        const auto& [peer, tag] = order[i];
        EXPECT_EQ(in[i].back(), static_cast<float>(100 * peer + 10 * rank + tag));
      }
    }
  });
}

// Slice s of every rank's data, the same on all ranks, on which every other order shows.
std::vector<float> Slice(int s, size_t n) {
  std::mt19937 random(static_cast<unsigned>(s) + 1);
  std::normal_distribution<float> normal;
  std::vector<float> slice(n);
  for (float& x : slice) x = std::ldexp(normal(random), static_cast<int>(random() % 40) - 20);
  return slice;
}

TEST(NcclCommunicatorTest, TreeSumInDeviceMemoryHasSerialBits) {
  constexpr int kSlices = 8;
  constexpr size_t kLength = 600011;  // two segments for two ranks
  std::vector<std::vector<float>> leaves;
  std::vector<const float*> pointers;
  for (int s = 0; s < kSlices; ++s) leaves.push_back(Slice(s, kLength));
  for (const auto& leaf : leaves) pointers.push_back(leaf.data());
  std::vector<float> expected(kLength);
  slices::SerialTreeSum(pointers, expected);
  for (const int ranks : {2, 3}) {
    ThreadPlugin plugin;
    RunGang(ranks, plugin, [&](Communicator& communicator) {
      HostOps ops(plugin.device());
      const auto memory = DeviceMemory::Create(ops);
      ASSERT_TRUE(memory.ok());
      const slices::SliceRange own =
          slices::SlicesOfRank(kSlices, communicator.topology().rank, ranks);
      const comm::RankNodes nodes(kSlices, communicator.topology(),
                                  std::span(pointers).subspan(own.begin, own.size()), kLength);
      std::vector<slices::OwnedVector> far_nodes;
      std::vector<const float*> far_pointers;
      for (const float* node : nodes.pointers()) {
        far_nodes.emplace_back(**memory, kLength);
        std::copy_n(node, kLength, far_nodes.back().data());
        far_pointers.push_back(far_nodes.back().data());
      }
      const slices::OwnedVector sum(**memory, kLength);
      comm::TreeSum tree_sum(communicator, kSlices, **memory);
      for (const size_t n : {kLength, size_t{1000}}) {
        ASSERT_TRUE(tree_sum.Sum(far_pointers, sum.span().first(n), Soon()).ok());
        EXPECT_EQ(std::memcmp(sum.data(), expected.data(), n * sizeof(float)), 0) << n;
      }
    });
    EXPECT_EQ(plugin.copied, 0);
  }
}

TEST(NcclCommunicatorTest, IsNotConnectedBeforeConnect) {
  ThreadPlugin plugin;
  MapRendezvous rendezvous;
  const comm::Gang gang = MakeGang(2, rendezvous, plugin);
  EXPECT_TRUE(absl::IsFailedPrecondition(gang[0]->Barrier(Soon())));
}

TEST(NcclCommunicatorTest, RankWithoutTheIdIsAnErrorAtTheDeadline) {
  ThreadPlugin plugin;
  MapRendezvous rendezvous;
  const comm::Gang gang = MakeGang(2, rendezvous, plugin);
  const absl::Time begin = SteadyNow();
  const absl::Status status = Connect(*gang[1], begin + kShort);
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_TRUE(Says(status, "rank 1 of gang job/1/1: rank 0 had not told")) << status;
  EXPECT_GE(SteadyNow() - begin, kShort);
  EXPECT_LT(SteadyNow() - begin, kShort + kPrompt);
}

TEST(NcclCommunicatorTest, AbsentMemberIsAnErrorAtTheDeadline) {
  ThreadPlugin plugin;
  MapRendezvous rendezvous;
  const comm::Gang gang = MakeGang(2, rendezvous, plugin);
  const absl::Status status = Connect(*gang[0], SteadyNow() + kShort);
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_TRUE(Says(status, "the deadline of forming the gang")) << status;
  EXPECT_TRUE(Says(status, "NCCL_SOCKET_IFNAME")) << status;
  EXPECT_EQ(gang[0]->Barrier(Soon()), status);
  EXPECT_EQ(plugin.aborted, 1);
}

// Both moments of a Connect: the wait for the id, and NCCL's own.
TEST(NcclCommunicatorTest, AbortEndsAConnect) {
  for (const int rank : {0, 1}) {
    ThreadPlugin plugin;
    MapRendezvous rendezvous;
    const comm::Gang gang = MakeGang(2, rendezvous, plugin);
    absl::Time aborted;
    std::thread other([&] {
      if (rank == 0) {
        EXPECT_TRUE(WaitUntil([&] { return plugin.initialised > 0; }));
      }
      aborted = SteadyNow();
      gang[rank]->Abort("leave the gang");
    });
    EXPECT_EQ(Connect(*gang[rank], Soon()), absl::AbortedError("leave the gang"));
    other.join();
    EXPECT_LT(SteadyNow() - aborted, kPrompt);
  }
}

TEST(NcclCommunicatorTest, AbortBeforeAConnectEndsIt) {
  ThreadPlugin plugin;
  MapRendezvous rendezvous;
  const comm::Gang gang = MakeGang(2, rendezvous, plugin);
  gang[0]->Abort("too late");
  EXPECT_EQ(Connect(*gang[0], Soon()), absl::AbortedError("too late"));
}

TEST(NcclCommunicatorTest, EndOfTheGenerationEndsAConnect) {
  ThreadPlugin plugin;
  MapRendezvous rendezvous;
  rendezvous.End();
  for (const auto& communicator : MakeGang(2, rendezvous, plugin)) {
    EXPECT_TRUE(absl::IsAborted(Connect(*communicator, Soon())));
  }
}

// Rank 0 leaves without a word, as a killed process does.
absl::Status ExchangeWithTheDead(PeerDeath death, absl::Duration patience) {
  ThreadPlugin plugin(death);
  MapRendezvous rendezvous;
  comm::Gang gang = MakeGang(2, rendezvous, plugin);
  RunRanks(gang, [](Communicator& c) { EXPECT_TRUE(Connect(c, Soon()).ok()); });
  absl::Status status;
  std::thread survivor([&] {
    std::vector<float> data(10);
    const Receive receive = {0, 0, std::as_writable_bytes(std::span(data))};
    status = gang[1]->Exchange({}, {&receive, 1}, SteadyNow() + patience);
  });
  gang[0].reset();
  survivor.join();
  return status;
}

TEST(NcclCommunicatorTest, DeathOfAPeerThatNcclSeesIsAnErrorAtOnce) {
  const absl::Time begin = SteadyNow();
  const absl::Status status = ExchangeWithTheDead(PeerDeath::kError, absl::Seconds(30));
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_TRUE(Says(status,
                   "rank 1 of gang job/1/1: a member is gone or out of reach in an "
                   "exchange: remote process exited"))
      << status;
  EXPECT_LT(SteadyNow() - begin, kPrompt);
}

TEST(NcclCommunicatorTest, DeathOfAPeerThatNcclDoesNotSeeIsAnErrorAtTheDeadline) {
  const absl::Status status = ExchangeWithTheDead(PeerDeath::kHang, kShort);
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
}

// The coordinator's word, in the middle of a tree sum's exchange on both survivors.
TEST(NcclCommunicatorTest, AbortEndsAnExchangeThatHangs) {
  ThreadPlugin plugin(PeerDeath::kHang);
  RunGang(3, plugin, [&](Communicator& communicator) {
    const int rank = communicator.topology().rank;
    if (rank == 0) return;  // silent
    const OnDevice data(plugin, 1000, 1.0F);
    absl::Time aborted;
    std::thread other([&] {
      // Most likely amid the wait; before it is as right.
      testing_support::LetTimePass(absl::Milliseconds(20));
      aborted = SteadyNow();
      communicator.Abort("rank 0 is lost");
    });
    const Receive receive = {0, 0, data.bytes()};
    EXPECT_EQ(communicator.Exchange({}, {&receive, 1}, Soon()),
              absl::AbortedError("rank 0 is lost"));
    other.join();
    EXPECT_LT(SteadyNow() - aborted, kPrompt);
  });
  EXPECT_EQ(plugin.aborted, 2);
}

TEST(NcclCommunicatorTest, AbortBetweenOperationsIsSeenByThePeers) {
  ThreadPlugin plugin;
  RunGang(2, plugin, [&](Communicator& communicator) {
    if (communicator.topology().rank == 0) return communicator.Abort("the coordinator said so");
    EXPECT_TRUE(absl::IsUnavailable(communicator.Barrier(Soon())));
  });
}

TEST(NcclCommunicatorTest, ErrorOfTheDeviceIsToldAndEndsTheGang) {
  ThreadPlugin plugin;
  RunGang(2, plugin, [&](Communicator& communicator) {
    if (communicator.topology().rank == 0) plugin.broken_rank = 0;
    const absl::Status status = communicator.Barrier(Soon());
    if (communicator.topology().rank == 0) {
      EXPECT_TRUE(absl::IsInternal(status)) << status;
      EXPECT_TRUE(Says(status, "a barrier: the device is broken")) << status;
    } else {
      EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    }
  });
}

TEST(NcclCommunicatorTest, FullDeviceIsToldAndEndsTheGang) {
  ThreadPlugin plugin;
  plugin.device()->total = 1 << 20;
  RunGang(2, plugin, [&](Communicator& communicator) {
    std::vector<float> data(1 << 20);
    const absl::Status status = communicator.AllReduce(data, Soon());
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_EQ(communicator.Barrier(Soon()), status);
  });
}

// As a finished rank does while others still wait for each other.
TEST(NcclCommunicatorTest, RankThatLeavesInGoodOrderDisturbsNobody) {
  for (int round = 0; round < 15; ++round) {
    ThreadPlugin plugin;
    MapRendezvous rendezvous;
    comm::Gang gang = MakeGang(3, rendezvous, plugin);
    std::vector<std::thread> threads;
    for (auto& communicator : gang) {
      threads.emplace_back([mine = std::move(communicator)]() mutable {
        ASSERT_TRUE(Connect(*mine, Soon()).ok());
        std::vector<float> data(20000, 1.0F);
        const absl::Status status = mine->AllReduce(data, Soon());
        EXPECT_TRUE(status.ok()) << status;
        mine.reset();
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
}

TEST(NcclCommunicatorTest, GangOfOneNeedsNoNccl) {
  ThreadPlugin plugin;
  MapRendezvous rendezvous;
  const comm::Gang gang = MakeGang(1, rendezvous, plugin);
  ASSERT_TRUE(Connect(*gang[0], Soon()).ok());
  std::vector<float> data = {1, 2};
  EXPECT_TRUE(gang[0]->AllReduce(data, Soon()).ok());
  EXPECT_EQ(data, std::vector<float>({1, 2}));
  EXPECT_EQ(plugin.initialised, 0);
}

}  // namespace
}  // namespace hebb::gpu
