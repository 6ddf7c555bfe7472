// SPDX-License-Identifier: Apache-2.0
// The contract suite on communicators whose ranks may be threads: local, gloo over loopback, and
// NCCL's with threads in NCCL's place.
#include <atomic>
#include <string>

#include "absl/time/clock.h"
#include "tests/contract/comm/communicator_contract.h"
#include "tests/contract/comm/map_rendezvous.h"
#include "tests/contract/comm/run_ranks.h"
#include "tests/testing/gpu/thread_collective.h"
#include "worker/comm/gloo_communicator.h"
#include "worker/comm/local_communicator.h"
#include "worker/gpu/nccl_communicator.h"

namespace hebb::comm {
namespace {

void RunLocal(int ranks, const std::function<void(Communicator&)>& body) {
  RunRanks(MakeLocalGang(ranks), body);
}

// Connects the gang first.
void RunConnected(const Gang& gang, const std::function<void(Communicator&)>& body) {
  std::atomic<size_t> connected = 0;
  RunRanks(gang, [&](Communicator& communicator) {
    auto& connectable = static_cast<ConnectableCommunicator&>(communicator);
    const absl::Status status = connectable.Connect(absl::Now() + absl::Seconds(30));
    EXPECT_TRUE(status.ok()) << status;
    connected += status.ok();
  });
  if (connected == gang.size()) RunRanks(gang, body);
}

void RunGloo(int ranks, const std::function<void(Communicator&)>& body) {
  MapRendezvous rendezvous;
  Gang gang;
  for (int rank = 0; rank < ranks; ++rank) {
    gang.push_back(MakeGlooCommunicator({.generation = "test/1/1"}, {rank, ranks}, rendezvous));
  }
  RunConnected(gang, body);
}

void RunNccl(int ranks, const std::function<void(Communicator&)>& body) {
  MapRendezvous rendezvous;
  gpu::ThreadPlugin plugin;
  Gang gang;
  for (int rank = 0; rank < ranks; ++rank) {
    gang.push_back(
        gpu::MakeNcclCommunicator({.generation = "test/1/1"}, {rank, ranks}, rendezvous, plugin));
  }
  RunConnected(gang, body);
}

INSTANTIATE_TEST_SUITE_P(Local, CommunicatorContractTest, testing::Values(GangRunner(RunLocal)),
                         [](const auto&) { return "Threads"; });
INSTANTIATE_TEST_SUITE_P(Gloo, CommunicatorContractTest, testing::Values(GangRunner(RunGloo)),
                         [](const auto&) { return "Threads"; });
INSTANTIATE_TEST_SUITE_P(Nccl, CommunicatorContractTest, testing::Values(GangRunner(RunNccl)),
                         [](const auto&) { return "Threads"; });

}  // namespace
}  // namespace hebb::comm
