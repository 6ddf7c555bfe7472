// SPDX-License-Identifier: Apache-2.0
// What communicator.h promises: every operation on 1-5 ranks and from nothing to a million floats,
// a deadline on each, Abort at any time, one first error for ever, and the tree sum's bits.
#include "tests/contract/comm/communicator_contract.h"
#include "tests/contract/comm/rank_nodes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/steady_clock.h"
#include "tests/testing/jump_clock.h"
#include "tests/testing/wait.h"
#include "worker/comm/tree_sum.h"

namespace hebb::comm {
namespace {

constexpr size_t kSizes[] = {0, 1, 7, 1000, 1000000};
constexpr absl::Duration kShort = absl::Milliseconds(150);
constexpr absl::Duration kPrompt = absl::Seconds(2);  // milliseconds, unless the machine is busy

absl::Time Soon() { return SteadyNow() + absl::Seconds(30); }

// A value that tells sender, receiver and place.
float Mark(int from, int to, size_t i) {
  return static_cast<float>(from * 100 + to * 10) + static_cast<float>(i % 7);
}

std::vector<float> Marked(int from, int to, size_t n) {
  std::vector<float> data(n);
  for (size_t i = 0; i < n; ++i) data[i] = Mark(from, to, i);
  return data;
}

std::span<std::byte> Bytes(std::vector<float>& data) {
  return std::as_writable_bytes(std::span(data));
}

absl::Status ExchangeWithAll(Communicator& communicator, size_t n) {
  const auto [rank, size] = communicator.topology();
  std::vector<std::vector<float>> out(size), in(size, std::vector<float>(n, -1.0f));
  std::vector<Send> sends;
  std::vector<Receive> receives;
  for (int peer = 0; peer < size; ++peer) {
    if (peer == rank) continue;
    out[peer] = Marked(rank, peer, n);
    sends.push_back({peer, 5, Bytes(out[peer])});
    receives.push_back({peer, 5, Bytes(in[peer])});
  }
  const absl::Status status = communicator.Exchange(sends, receives, Soon());
  for (int peer = 0; status.ok() && peer < size; ++peer) {
    if (peer != rank) {
      EXPECT_EQ(in[peer], Marked(peer, rank, n));
    }
  }
  return status;
}

TEST_P(CommunicatorContractTest, KnowsItsTopology) {
  for (int ranks = 1; ranks <= kMostRanks; ++ranks) {
    Run(ranks, [&](Communicator& communicator) {
      EXPECT_EQ(communicator.topology().size, ranks);
      EXPECT_GE(communicator.topology().rank, 0);
      EXPECT_LT(communicator.topology().rank, ranks);
      EXPECT_FALSE(communicator.backend().empty());
    });
  }
}

TEST_P(CommunicatorContractTest, ExchangeCarriesEverySize) {
  for (int ranks = 1; ranks <= kMostRanks; ++ranks) {
    Run(ranks, [](Communicator& communicator) {
      for (const size_t n : kSizes) EXPECT_TRUE(ExchangeWithAll(communicator, n).ok()) << n;
    });
  }
}

TEST_P(CommunicatorContractTest, ExchangeMatchesByTagAndKeepsTheOrderOfATag) {
  Run(2, [](Communicator& communicator) {
    const int peer = 1 - communicator.topology().rank;
    const std::vector<float> out = {1, 2, 3, 4};
    std::vector<float> in(4);
    const auto send = [&](int i, uint32_t tag) {
      return Send{peer, tag, std::as_bytes(std::span(&out[i], 1))};
    };
    const auto receive = [&](int i, uint32_t tag) {
      return Receive{peer, tag, std::as_writable_bytes(std::span(&in[i], 1))};
    };
    const Send sends[] = {send(0, 8), send(1, kMaxTag), send(2, 8), send(3, 0)};
    const Receive receives[] = {receive(3, 0), receive(1, kMaxTag), receive(0, 8), receive(2, 8)};
    ASSERT_TRUE(communicator.Exchange(sends, receives, Soon()).ok());
    EXPECT_EQ(in, out);
  });
}

TEST_P(CommunicatorContractTest, ExchangeMayGoOneWay) {
  Run(3, [](Communicator& communicator) {
    std::vector<float> data = Marked(0, 2, 1000);
    absl::Status status;
    switch (communicator.topology().rank) {
      case 0: {
        const Send send = {2, 1, Bytes(data)};
        status = communicator.Exchange({&send, 1}, {}, Soon());
        break;
      }
      case 1:
        status = communicator.Exchange({}, {}, Soon());
        break;
      case 2: {
        std::fill(data.begin(), data.end(), 0.0f);
        const Receive receive = {0, 1, Bytes(data)};
        status = communicator.Exchange({}, {&receive, 1}, Soon());
        EXPECT_EQ(data, Marked(0, 2, 1000));
        break;
      }
    }
    EXPECT_TRUE(status.ok()) << status;
  });
}

TEST_P(CommunicatorContractTest, AllReduceSums) {
  for (int ranks = 1; ranks <= kMostRanks; ++ranks) {
    Run(ranks, [&](Communicator& communicator) {
      for (const size_t n : kSizes) {
        std::vector<float> data = Marked(communicator.topology().rank, 0, n);
        ASSERT_TRUE(communicator.AllReduce(data, Soon()).ok());
        std::vector<float> expected(n);
        for (int rank = 0; rank < ranks; ++rank) {
          for (size_t i = 0; i < n; ++i) expected[i] += Mark(rank, 0, i);
        }
        EXPECT_EQ(data, expected);
      }
    });
  }
}

TEST_P(CommunicatorContractTest, BroadcastReachesAllFromEveryRoot) {
  for (int ranks = 1; ranks <= kMostRanks; ++ranks) {
    Run(ranks, [&](Communicator& communicator) {
      for (int root = 0; root < ranks; ++root) {
        for (const size_t n : {size_t{0}, size_t{1}, size_t{1000}, size_t{300000}}) {
          std::vector<float> data = Marked(communicator.topology().rank, root, n);
          ASSERT_TRUE(communicator.Broadcast(Bytes(data), root, Soon()).ok());
          EXPECT_EQ(data, Marked(root, root, n));
        }
      }
    });
  }
}

TEST_P(CommunicatorContractTest, AllGatherCollectsInRankOrder) {
  for (int ranks = 1; ranks <= kMostRanks; ++ranks) {
    Run(ranks, [&](Communicator& communicator) {
      for (const size_t n : {size_t{0}, size_t{1}, size_t{7}, size_t{200000}}) {
        std::vector<float> mine = Marked(communicator.topology().rank, 0, n);
        std::vector<float> all(n * ranks), expected;
        for (int rank = 0; rank < ranks; ++rank) {
          const std::vector<float> theirs = Marked(rank, 0, n);
          expected.insert(expected.end(), theirs.begin(), theirs.end());
        }
        ASSERT_TRUE(communicator.AllGather(Bytes(mine), Bytes(all), Soon()).ok());
        EXPECT_EQ(all, expected);
      }
    });
  }
}

TEST_P(CommunicatorContractTest, BarrierPassesWhenAllHaveCome) {
  for (int ranks = 1; ranks <= kMostRanks; ++ranks) {
    Run(ranks, [](Communicator& communicator) {
      for (int i = 0; i < 20; ++i) ASSERT_TRUE(communicator.Barrier(Soon()).ok());
    });
  }
}

TEST_P(CommunicatorContractTest, BuffersAreReusedAndThreadsMayTakeTurns) {
  Run(3, [](Communicator& communicator) {
    std::vector<float> data(5000);
    for (int round = 0; round < 30; ++round) {
      std::fill(data.begin(), data.end(), static_cast<float>(round));
      std::thread other([&] { ASSERT_TRUE(communicator.AllReduce(data, Soon()).ok()); });
      other.join();
      ASSERT_EQ(std::count(data.begin(), data.end(), 3.0f * round), 5000);
    }
  });
}

// Every operation that waits for a silent peer, by name. In an MPI world a failed sum may still
// write to its buffer until the process ends, so the buffers live as long.
using NamedOperation = std::pair<std::string, absl::Status (*)(Communicator&, absl::Time)>;

std::vector<NamedOperation> WaitingOperations() {
  static std::vector<float> data(1000), all(2000);
  return {{"Exchange",
           [](Communicator& c, absl::Time deadline) {
             const Receive receive = {1 - c.topology().rank, 3, Bytes(data)};
             return c.Exchange({}, {&receive, 1}, deadline);
           }},
          {"AllReduce",
           [](Communicator& c, absl::Time deadline) { return c.AllReduce(data, deadline); }},
          {"Broadcast",
           [](Communicator& c, absl::Time deadline) {
             return c.Broadcast(Bytes(data), 1 - c.topology().rank, deadline);
           }},
          {"AllGather",
           [](Communicator& c, absl::Time deadline) {
             return c.AllGather(Bytes(data), Bytes(all), deadline);
           }},
          {"Barrier", [](Communicator& c, absl::Time deadline) { return c.Barrier(deadline); }}};
}

// Also while the wall clock jumps.
TEST_P(CommunicatorContractTest, EveryOperationEndsAtItsDeadline) {
  for (const auto& [name, operation] : WaitingOperations()) {
    for (const int hours : {0, 1, -1}) {
      SCOPED_TRACE(absl::StrCat(name, ", clock ", hours, " h off"));
      Run(2, [&](Communicator& communicator) {
        if (communicator.topology().rank == 1) return;  // silent
        const absl::Time begin = SteadyNow();
        const testing_support::JumpedClock jumped(absl::Hours(hours));
        EXPECT_EQ(operation(communicator, begin + kShort).code(),
                  absl::StatusCode::kDeadlineExceeded);
        EXPECT_GE(SteadyNow() - begin, kShort);
        EXPECT_LT(SteadyNow() - begin, kShort + kPrompt);
      });
    }
  }
}

TEST_P(CommunicatorContractTest, EveryLaterCallReturnsTheFirstError) {
  Run(2, [](Communicator& communicator) {
    if (communicator.topology().rank == 1) return;
    const absl::Status first = communicator.Barrier(SteadyNow() + kShort);
    ASSERT_EQ(first.code(), absl::StatusCode::kDeadlineExceeded);
    communicator.Abort("too late to be the first");
    const absl::Time begin = SteadyNow();
    for (const auto& [name, operation] : WaitingOperations()) {
      EXPECT_EQ(operation(communicator, Soon()), first) << name;
    }
    EXPECT_EQ(communicator.Exchange({}, {}, Soon()), first);
    EXPECT_LT(SteadyNow() - begin, kPrompt);
  });
}

TEST_P(CommunicatorContractTest, AbortWakesEveryOperation) {
  for (const auto& [name, operation] : WaitingOperations()) {
    SCOPED_TRACE(name);
    Run(2, [&](Communicator& communicator) {
      if (communicator.topology().rank == 1) return;
      absl::Time aborted;
      std::thread other([&] {
        testing_support::LetTimePass(
            absl::Milliseconds(20));  // most likely amid the wait; before it is as right
        aborted = SteadyNow();
        communicator.Abort("the coordinator said so");
      });
      const absl::Status status = operation(communicator, Soon());
      const absl::Time woken = SteadyNow();
      other.join();
      EXPECT_EQ(status.code(), absl::StatusCode::kAborted) << status;
      EXPECT_EQ(status.message(), "the coordinator said so");
      EXPECT_LT(woken - aborted, kPrompt);
    });
  }
}

TEST_P(CommunicatorContractTest, AbortEndsLaterOperationsOnAnyNumberOfRanks) {
  for (const int ranks : {1, 3}) {
    Run(ranks, [](Communicator& communicator) {
      communicator.Abort("first");
      communicator.Abort("second");
      float value = 1;
      EXPECT_EQ(communicator.AllReduce({&value, 1}, Soon()).message(), "first");
      EXPECT_EQ(communicator.Barrier(Soon()).code(), absl::StatusCode::kAborted);
    });
  }
}

// Slice s of every rank's data, the same on all ranks.
std::vector<float> Slice(int s, size_t n) {
  std::mt19937 random(s + 1);
  std::normal_distribution<float> normal;
  std::vector<float> slice(n);
  for (float& x : slice) x = std::ldexp(normal(random), static_cast<int>(random() % 40) - 20);
  return slice;
}

TEST_P(CommunicatorContractTest, TreeSumHasSerialBits) {
  constexpr int kSlices = 8;
  std::vector<std::vector<float>> values;
  std::vector<const float*> leaves;
  for (int s = 0; s < kSlices; ++s) values.push_back(Slice(s, 300007));
  for (const auto& slice : values) leaves.push_back(slice.data());
  for (int ranks = 1; ranks <= kMostRanks; ++ranks) {
    Run(ranks, [&](Communicator& communicator) {
      TreeSum tree_sum(communicator, kSlices);
      const slices::SliceRange own =
          slices::SlicesOfRank(kSlices, communicator.topology().rank, ranks);
      const auto own_leaves = std::span(leaves).subspan(own.begin, own.size());
      for (const size_t n : {size_t{0}, size_t{1}, size_t{7}, size_t{1000}, size_t{300007}}) {
        std::vector<float> sum(n), expected(n);
        slices::SerialTreeSum(leaves, expected);
        const RankNodes nodes(kSlices, communicator.topology(), own_leaves, n);
        ASSERT_TRUE(tree_sum.Sum(nodes.pointers(), sum, Soon()).ok());
        EXPECT_TRUE(n == 0 || std::memcmp(sum.data(), expected.data(), n * sizeof(float)) == 0);
      }
    });
  }
}

}  // namespace
}  // namespace hebb::comm
