// SPDX-License-Identifier: Apache-2.0
// What gloo adds to the contract: forming can be broken off, strangers are refused, a rank that
// leaves in good order disturbs nobody, one that fails is noticed by all at once, and re-forming
// leaks nothing. Ranks are threads; for killed and frozen processes see gloo_loss_test.cc.
#include "worker/comm/gloo_communicator.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "tests/contract/comm/map_rendezvous.h"
#include "tests/contract/comm/run_ranks.h"

namespace hebb::comm {
namespace {

absl::Time Soon() { return absl::Now() + absl::Seconds(30); }

Gang MakeGang(int size, Rendezvous& rendezvous, const std::string& generation = "test/1/1") {
  Gang gang;
  for (int rank = 0; rank < size; ++rank) {
    gang.push_back(MakeGlooCommunicator({.generation = generation}, {rank, size}, rendezvous));
  }
  return gang;
}

absl::Status Connect(Communicator& communicator, absl::Time deadline) {
  return static_cast<ConnectableCommunicator&>(communicator).Connect(deadline);
}

void ExpectConnected(const Gang& gang) {
  RunRanks(gang, [](Communicator& communicator) {
    const absl::Status status = Connect(communicator, Soon());
    EXPECT_TRUE(status.ok()) << status;
  });
}

TEST(GlooCommunicatorTest, IsNotConnectedBeforeConnect) {
  MapRendezvous rendezvous;
  const Gang gang = MakeGang(1, rendezvous);
  EXPECT_EQ(gang[0]->Barrier(Soon()).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Connect(*gang[0], Soon()).ok());
  EXPECT_TRUE(gang[0]->Barrier(Soon()).ok());
}

TEST(GlooCommunicatorTest, AbsentMemberIsAnErrorAtTheDeadline) {
  MapRendezvous rendezvous;
  const Gang gang = MakeGang(2, rendezvous);
  const absl::Time begin = absl::Now();
  const absl::Status status = Connect(*gang[0], begin + absl::Milliseconds(200));
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(200));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(2));
}

// One that published its address and died leaves a peer that waits for its connection, or is
// refused: which of the two is chance.
TEST(GlooCommunicatorTest, MemberThatDiesWhileFormingIsAnErrorAtTheDeadline) {
  MapRendezvous rendezvous;
  const Gang gang = MakeGang(3, rendezvous);
  std::thread dying([&] {  // has published, and waits for rank 2
    EXPECT_EQ(Connect(*gang[0], absl::Now() + absl::Milliseconds(200)).code(),
              absl::StatusCode::kDeadlineExceeded);
  });
  const absl::Time begin = absl::Now();
  const absl::Status status = Connect(*gang[1], begin + absl::Milliseconds(400));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status) || absl::IsUnavailable(status)) << status;
  EXPECT_LT(absl::Now() - begin, absl::Milliseconds(2400));
  dying.join();
}

TEST(GlooCommunicatorTest, AbortEndsAConnectThatWaitsForAnAddress) {
  MapRendezvous rendezvous;
  const Gang gang = MakeGang(2, rendezvous);
  absl::Time aborted;
  std::thread other([&] {
    EXPECT_TRUE(rendezvous.Get("gloo/0", Soon()).ok());  // rank 0 has begun
    aborted = absl::Now();
    gang[0]->Abort("leave the gang");
  });
  EXPECT_EQ(Connect(*gang[0], Soon()), absl::AbortedError("leave the gang"));
  other.join();
  EXPECT_LT(absl::Now() - aborted, absl::Seconds(2));
}

TEST(GlooCommunicatorTest, AbortEndsAConnectThatWaitsForAConnection) {
  MapRendezvous real;
  const Gang gang = MakeGang(2, real);
  // A peer that published and never connects: rank 0 listens to it, or connects and hears nothing.
  std::thread silent([&] { EXPECT_FALSE(Connect(*gang[1], Soon()).ok()); });
  ASSERT_TRUE(real.Get("gloo/1", Soon()).ok());
  gang[1]->Abort("gone");  // it waits for rank 0's address
  silent.join();
  std::thread other([&] {
    EXPECT_TRUE(real.Get("gloo/0", Soon()).ok());
    gang[0]->Abort("leave the gang");
  });
  const absl::Time begin = absl::Now();
  const absl::Status status = Connect(*gang[0], Soon());
  EXPECT_TRUE(absl::IsAborted(status) || absl::IsUnavailable(status)) << status;
  EXPECT_LT(absl::Now() - begin, absl::Seconds(2));
  other.join();
}

TEST(GlooCommunicatorTest, EndOfTheGenerationEndsAConnect) {
  MapRendezvous rendezvous;
  const Gang gang = MakeGang(2, rendezvous);
  std::thread other([&] {
    EXPECT_TRUE(rendezvous.Get("gloo/0", Soon()).ok());
    rendezvous.End();
  });
  EXPECT_EQ(Connect(*gang[0], Soon()).code(), absl::StatusCode::kAborted);
  other.join();
}

TEST(GlooCommunicatorTest, MemberOfAnotherGenerationIsRefused) {
  MapRendezvous rendezvous;
  Gang gang = MakeGang(2, rendezvous, "test/1/1");
  gang[1] = std::move(MakeGang(2, rendezvous, "test/1/2")[1]);
  RunRanks(gang, [](Communicator& communicator) {
    const absl::Status status = Connect(communicator, Soon());
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  });
}

TEST(GlooCommunicatorTest, ForeignHostIsRefusedByName) {
  MapRendezvous rendezvous;
  const auto communicator =
      MakeGlooCommunicator({.host = "192.0.2.1", .generation = "g"}, {0, 2}, rendezvous);
  const absl::Status status = communicator->Connect(Soon());
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("192.0.2.1"), absl::string_view::npos) << status;
}

TEST(GlooCommunicatorTest, RankThatLeavesAfterSuccessDisturbsNobody) {
  for (int round = 0; round < 15; ++round) {
    MapRendezvous rendezvous;
    Gang gang = MakeGang(3, rendezvous);
    std::vector<std::thread> threads;
    for (auto& communicator : gang) {
      threads.emplace_back([mine = std::move(communicator)]() mutable {
        ASSERT_TRUE(Connect(*mine, Soon()).ok());
        std::vector<float> data(200000, 1.0f);
        const absl::Status status = mine->AllReduce(data, Soon());
        EXPECT_TRUE(status.ok()) << status;
        mine.reset();  // whoever is ready first goes first
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
}

TEST(GlooCommunicatorTest, FailureOfOneRankEndsTheWaitsOfAll) {
  MapRendezvous rendezvous;
  const Gang gang = MakeGang(4, rendezvous);
  ExpectConnected(gang);
  RunRanks(gang, [](Communicator& communicator) {
    const int rank = communicator.topology().rank;
    std::byte data{};
    const absl::Time begin = absl::Now();
    if (rank == 0) {
      communicator.Abort("a failure of its own");
      EXPECT_EQ(communicator.Barrier(Soon()).code(), absl::StatusCode::kAborted);
      return;
    }
    // Each waits for its neighbour, nobody for rank 0.
    const Receive receive = {rank % 3 + 1, 0, {&data, 1}};
    EXPECT_EQ(communicator.Exchange({}, {&receive, 1}, Soon()).code(),
              absl::StatusCode::kUnavailable);
    EXPECT_LT(absl::Now() - begin, absl::Seconds(2));
  });
}

size_t CountEntries(const char* folder) {
  return std::distance(std::filesystem::directory_iterator(folder), {});
}

TEST(GlooCommunicatorTest, ReformingLeaksNeitherDescriptorsNorThreads) {
  const size_t descriptors = CountEntries("/proc/self/fd");
  const size_t threads = CountEntries("/proc/self/task");
  for (int generation = 1; generation <= 10; ++generation) {
    MapRendezvous rendezvous;
    const Gang gang = MakeGang(3, rendezvous, "test/1/" + std::to_string(generation));
    ExpectConnected(gang);
    if (generation % 2 == 0) gang[1]->Abort("every second one ends badly");
    RunRanks(gang, [&](Communicator& communicator) {
      float value = 1;
      EXPECT_EQ(communicator.AllReduce({&value, 1}, Soon()).ok(), generation % 2 != 0);
    });
  }
  EXPECT_EQ(CountEntries("/proc/self/fd"), descriptors);
  EXPECT_EQ(CountEntries("/proc/self/task"), threads);
}

}  // namespace
}  // namespace hebb::comm
