// SPDX-License-Identifier: Apache-2.0
#include "worker/comm/exchange_communicator.h"

#include <cstring>

#include "common/check.h"
#include "common/status_macros.h"

namespace hebb::comm {
namespace {

// Calls of one kind follow each other in the same order on all ranks, so one tag per kind is enough
// (messages of a pair and tag keep their order).
constexpr uint32_t kBroadcastTag = kMaxTag;
constexpr uint32_t kAllGatherTag = kMaxTag - 1;
constexpr uint32_t kBarrierTag = kMaxTag - 2;

}  // namespace

absl::Status ExchangeCommunicator::AllReduce(std::span<float> data, absl::Time deadline) {
  if (sum_ == nullptr) sum_ = std::make_unique<TreeSum>(*this, topology().size);
  const float* leaf = data.data();
  return sum_->Sum({&leaf, 1}, data, deadline);
}

absl::Status ExchangeCommunicator::Broadcast(std::span<std::byte> data, int root,
                                             absl::Time deadline) {
  const auto [rank, size] = topology();
  HEBB_CHECK(0 <= root && root < size);
  const int distance = (rank - root + size) % size;  // ranks counted from the root
  // Before round k the ranks at distance < 2^k have the data, and each gives it to one more.
  for (int reach = 1; reach < size; reach *= 2) {
    std::vector<Send> sends;
    std::vector<Receive> receives;
    if (distance < reach && distance + reach < size) {
      sends.push_back({(rank + reach) % size, kBroadcastTag, data});
    } else if (reach <= distance && distance < 2 * reach) {
      receives.push_back({(rank - reach + size) % size, kBroadcastTag, data});
    }
    HEBB_RETURN_IF_ERROR(Exchange(sends, receives, deadline));
  }
  return size > 1 ? absl::OkStatus() : Exchange({}, {}, deadline);
}

absl::Status ExchangeCommunicator::AllGather(std::span<const std::byte> mine,
                                             std::span<std::byte> all, absl::Time deadline) {
  const auto [rank, size] = topology();
  HEBB_CHECK(all.size() == mine.size() * size);
  std::vector<Send> sends;
  std::vector<Receive> receives;
  for (int peer = 0; peer < size; ++peer) {
    const std::span<std::byte> theirs = all.subspan(peer * mine.size(), mine.size());
    if (peer == rank) {
      if (!mine.empty()) std::memmove(theirs.data(), mine.data(), mine.size());
    } else {
      sends.push_back({peer, kAllGatherTag, mine});
      receives.push_back({peer, kAllGatherTag, theirs});
    }
  }
  return Exchange(sends, receives, deadline);
}

absl::Status ExchangeCommunicator::Barrier(absl::Time deadline) {
  const auto [rank, size] = topology();
  const std::byte sent{1};
  std::byte received{};
  for (int step = 1; step < size; step *= 2) {
    const Send send = {(rank + step) % size, kBarrierTag, {&sent, 1}};
    const Receive receive = {(rank - step + size) % size, kBarrierTag, {&received, 1}};
    HEBB_RETURN_IF_ERROR(Exchange({&send, 1}, {&receive, 1}, deadline));
  }
  return size > 1 ? absl::OkStatus() : Exchange({}, {}, deadline);
}

}  // namespace hebb::comm
