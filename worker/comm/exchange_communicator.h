// SPDX-License-Identifier: Apache-2.0
// The collectives written once on top of Exchange, for communicators that bring nothing faster.
//
// They are written here and not taken from gloo because gloo's ring makes its temporary buffers
// itself: nobody else can abort the waits on them, so a lost member would hold the others up.
#ifndef HEBB_WORKER_COMM_EXCHANGE_COMMUNICATOR_H_
#define HEBB_WORKER_COMM_EXCHANGE_COMMUNICATOR_H_

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "worker/comm/connectable.h"
#include "worker/comm/tree_sum.h"

namespace hebb::comm {

// Thread-safety as Communicator. Owns the scratch memory of its sums.
class ExchangeCommunicator : public ConnectableCommunicator {
 public:
  // Nothing to connect, unless an implementation says otherwise.
  absl::Status Connect(absl::Time deadline) override { return Exchange({}, {}, deadline); }

  // A tree sum with one slice per rank.
  absl::Status AllReduce(std::span<float> data, absl::Time deadline) override;

  // A binomial tree: log2(size) rounds.
  absl::Status Broadcast(std::span<std::byte> data, int root, absl::Time deadline) override;

  // Everyone to everyone.
  absl::Status AllGather(std::span<const std::byte> mine, std::span<std::byte> all,
                         absl::Time deadline) override;

  // Dissemination: in round k each rank hears from the one 2^k before it.
  absl::Status Barrier(absl::Time deadline) override;

 private:
  std::unique_ptr<TreeSum> sum_;  // made at the first AllReduce
};

}  // namespace hebb::comm

#endif  // HEBB_WORKER_COMM_EXCHANGE_COMMUNICATOR_H_
