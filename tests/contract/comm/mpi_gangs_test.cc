// SPDX-License-Identifier: Apache-2.0
// The contract suite in an MPI world: every process runs all tests in the same order, and the ranks
// that a test needs form a gang. mpirun fails if any process does. Outside a world: skipped.
#include <cstdio>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "tests/contract/comm/communicator_contract.h"
#include "worker/comm/mpi_communicator.h"

namespace hebb::comm {
namespace {

constexpr int kWorldSize = 5;

// gtest makes the suites before main has the world; set by main while the tests run.
MpiWorld* world = nullptr;
int generation = 0;  // counts the same in all processes

std::unique_ptr<ConnectableCommunicator> MakeGang(const std::vector<int>& world_ranks) {
  const std::string name = "test/1/" + std::to_string(++generation);
  for (const int rank : world_ranks) {
    if (rank == world->rank()) return MakeMpiCommunicator({world_ranks, name}, *world);
  }
  return nullptr;
}

void RunMpi(int ranks, const std::function<void(Communicator&)>& body) {
  std::vector<int> world_ranks(ranks);
  std::iota(world_ranks.begin(), world_ranks.end(), 0);
  const auto communicator = MakeGang(world_ranks);
  if (communicator == nullptr) return;
  const absl::Status status = communicator->Connect(absl::Now() + absl::Seconds(60));
  ASSERT_TRUE(status.ok()) << status;
  body(*communicator);
}

INSTANTIATE_TEST_SUITE_P(Mpi, CommunicatorContractTest, testing::Values(GangRunner(RunMpi)),
                         [](const auto&) { return "Processes"; });

TEST(MpiCommunicatorTest, GangMayBeAnyRanksInAnyOrder) {
  const auto communicator = MakeGang({3, 1, 4});
  if (communicator == nullptr) return;
  ASSERT_TRUE(communicator->Connect(absl::Now() + absl::Seconds(60)).ok());
  const int mine = world->rank();
  std::vector<int> all(3);
  ASSERT_TRUE(communicator
                  ->AllGather(std::as_bytes(std::span(&mine, 1)),
                              std::as_writable_bytes(std::span(all)),
                              absl::Now() + absl::Seconds(60))
                  .ok());
  EXPECT_EQ(all, (std::vector<int>{3, 1, 4}));
}

TEST(MpiCommunicatorTest, WorldHasOneName) {
  RunMpi(kWorldSize, [](Communicator& communicator) {
    std::string id = world->id();
    ASSERT_EQ(id.size(), 32u);
    ASSERT_TRUE(
        communicator
            .Broadcast(std::as_writable_bytes(std::span(id)), 0, absl::Now() + absl::Seconds(60))
            .ok());
    EXPECT_EQ(id, world->id());
  });
}

TEST(MpiCommunicatorTest, AbsentMemberIsAnErrorAtTheDeadline) {
  const auto communicator = MakeGang({0, 1});
  if (world->rank() != 0) return;
  EXPECT_EQ(communicator->Barrier(absl::Now()).code(), absl::StatusCode::kFailedPrecondition);
  const absl::Time begin = absl::Now();
  EXPECT_EQ(communicator->Connect(begin + absl::Milliseconds(200)).code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_LT(absl::Now() - begin, absl::Seconds(2));
}

TEST(MpiCommunicatorTest, AbortEndsAConnect) {
  const auto communicator = MakeGang({0, 1});
  if (world->rank() != 0) return;
  std::thread other([&] { communicator->Abort("given up"); });
  EXPECT_EQ(communicator->Connect(absl::Now() + absl::Seconds(30)), absl::AbortedError("given up"));
  other.join();
}

TEST(MpiWorldTest, IsThereOnce) {
  EXPECT_TRUE(MpiWorld::Launched());
  EXPECT_EQ(MpiWorld::Init().status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace

int RunTestsInWorld() {
  if (!MpiWorld::Launched()) {
    std::printf("[  SKIPPED ] not started by mpirun\n");
    return 0;
  }
  auto made = MpiWorld::Init();
  if (!made.ok()) {
    std::printf("%s\n", made.status().ToString().c_str());
    return 1;
  }
  if ((*made)->size() != kWorldSize) {
    std::printf("start this with mpirun -np %d\n", kWorldSize);
    return 1;
  }
  world = made->get();
  return RUN_ALL_TESTS();
}

}  // namespace hebb::comm

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return hebb::comm::RunTestsInWorld();
}
