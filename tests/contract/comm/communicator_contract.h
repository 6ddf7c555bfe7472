// SPDX-License-Identifier: Apache-2.0
// The one suite that every communicator must pass (communicator_contract.cc), whether its ranks are
// threads of this process or processes of an MPI world.
#ifndef HEBB_TESTS_CONTRACT_COMM_COMMUNICATOR_CONTRACT_H_
#define HEBB_TESTS_CONTRACT_COMM_COMMUNICATOR_CONTRACT_H_

#include <gtest/gtest.h>

#include <functional>

#include "worker/comm/communicator.h"

namespace hebb::comm {

// Makes a connected gang of `ranks` and calls the body on each rank that lives in this process. The
// gang is destroyed when all of these have returned. Ranks share no memory.
using GangRunner = std::function<void(int ranks, const std::function<void(Communicator&)>& body)>;

class CommunicatorContractTest : public testing::TestWithParam<GangRunner> {
 protected:
  static constexpr int kMostRanks = 5;

  void Run(int ranks, const std::function<void(Communicator&)>& body) {
    SCOPED_TRACE(testing::Message() << ranks << " ranks");
    GetParam()(ranks, body);
  }
};

}  // namespace hebb::comm

#endif  // HEBB_TESTS_CONTRACT_COMM_COMMUNICATOR_CONTRACT_H_
