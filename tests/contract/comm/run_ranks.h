// SPDX-License-Identifier: Apache-2.0
// Ranks are threads in tests: the same function on every communicator of a gang.
#ifndef HEBB_TESTS_CONTRACT_COMM_RUN_RANKS_H_
#define HEBB_TESTS_CONTRACT_COMM_RUN_RANKS_H_

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "worker/comm/communicator.h"

namespace hebb::comm {

using Gang = std::vector<std::unique_ptr<Communicator>>;

// Calls body(communicator) for each, one thread a rank, and waits for all.
inline void RunRanks(const Gang& gang, const std::function<void(Communicator&)>& body) {
  std::vector<std::thread> threads;
  for (const auto& communicator : gang) {
    threads.emplace_back([&body, &communicator] { body(*communicator); });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace hebb::comm

#endif  // HEBB_TESTS_CONTRACT_COMM_RUN_RANKS_H_
