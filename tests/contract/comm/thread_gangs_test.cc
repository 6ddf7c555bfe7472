// SPDX-License-Identifier: Apache-2.0
// The contract suite on communicators whose ranks may be threads: local, and gloo over loopback.
#include <atomic>
#include <string>

#include "absl/time/clock.h"
#include "tests/contract/comm/communicator_contract.h"
#include "tests/contract/comm/map_rendezvous.h"
#include "tests/contract/comm/run_ranks.h"
#include "worker/comm/gloo_communicator.h"
#include "worker/comm/local_communicator.h"

namespace hebb::comm {
namespace {

void RunLocal(int ranks, const std::function<void(Communicator&)>& body) {
  RunRanks(MakeLocalGang(ranks), body);
}

void RunGloo(int ranks, const std::function<void(Communicator&)>& body) {
  MapRendezvous rendezvous;
  Gang gang;
  for (int rank = 0; rank < ranks; ++rank) {
    gang.push_back(MakeGlooCommunicator({.generation = "test/1/1"}, {rank, ranks}, rendezvous));
  }
  std::atomic<int> connected = 0;
  RunRanks(gang, [&](Communicator& communicator) {
    auto& connectable = static_cast<ConnectableCommunicator&>(communicator);
    const absl::Status status = connectable.Connect(absl::Now() + absl::Seconds(30));
    EXPECT_TRUE(status.ok()) << status;
    connected += status.ok();
  });
  if (connected == ranks) RunRanks(gang, body);
}

INSTANTIATE_TEST_SUITE_P(Local, CommunicatorContractTest, testing::Values(GangRunner(RunLocal)),
                         [](const auto&) { return "Threads"; });
INSTANTIATE_TEST_SUITE_P(Gloo, CommunicatorContractTest, testing::Values(GangRunner(RunGloo)),
                         [](const auto&) { return "Threads"; });

}  // namespace
}  // namespace hebb::comm
