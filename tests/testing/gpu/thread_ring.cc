// SPDX-License-Identifier: Apache-2.0
#include "tests/testing/gpu/thread_ring.h"

#include <algorithm>
#include <cstring>

#include "common/check.h"

namespace hebb::gpu {

void ThreadRing::Join(int rank, int size) {
  absl::MutexLock lock(&mutex_);
  if (ranks_.empty()) ranks_.resize(size);
  HEBB_CHECK(static_cast<int>(ranks_.size()) == size && 0 <= rank && rank < size);
  HEBB_CHECK(!ranks_[rank].joined);
  ranks_[rank].joined = true;
}

bool ThreadRing::AnyGone() const {
  return std::any_of(ranks_.begin(), ranks_.end(), [](const Rank& rank) { return rank.gone; });
}

ThreadRing::State ThreadRing::Formed() {
  absl::MutexLock lock(&mutex_);
  if (AnyGone()) return State::kLacksPeer;
  const bool all =
      std::all_of(ranks_.begin(), ranks_.end(), [](const Rank& rank) { return rank.joined; });
  return all ? State::kDone : State::kWaits;
}

void ThreadRing::Post(int rank, std::span<const Request> group) {
  absl::MutexLock lock(&mutex_);
  for (const Request& request : group) {
    switch (request.call) {
      case Call::kSend:
        ranks_[rank].sends[request.peer].push_back(request);
        break;
      case Call::kReceive:
        ranks_[rank].receives.push_back(request);
        break;
      default:
        PostCommon(rank, request);
    }
  }
}

void ThreadRing::PostCommon(int rank, const Request& request) {
  const size_t number = ranks_[rank].next_common++;
  if (commons_.size() <= number) commons_.push_back({request, {}, false});
  Common& common = commons_[number];
  HEBB_CHECK(common.request.call == request.call && common.request.bytes == request.bytes &&
             common.request.peer == request.peer);
  common.from.push_back({rank, request.data});
  ranks_[rank].commons.push_back(number);
  if (common.from.size() == ranks_.size()) Complete(common);
}

// Sums go in the order of the ranks.
void ThreadRing::Complete(Common& common) {
  std::sort(common.from.begin(), common.from.end(),
            [](const Contribution& a, const Contribution& b) { return a.rank < b.rank; });
  const auto bytes = static_cast<size_t>(common.request.bytes);
  std::vector<std::byte> result(bytes);
  std::memcpy(result.data(), common.from[common.request.peer].data, bytes);
  if (common.request.call == Call::kAllReduce) {
    auto* sums = reinterpret_cast<float*>(result.data());
    for (size_t rank = 1; rank < common.from.size(); ++rank) {
      const auto* values = static_cast<const float*>(common.from[rank].data);
      for (size_t i = 0; i < bytes / sizeof(float); ++i) sums[i] += values[i];
    }
  }
  for (const Contribution& to : common.from) std::memcpy(to.data, result.data(), bytes);
  common.done = true;
}

// Takes what has come for it: of each peer the first send for the first receive.
void ThreadRing::Serve(int rank) {
  std::deque<Request>& receives = ranks_[rank].receives;
  std::deque<Request> left;
  for (const Request& receive : receives) {
    std::deque<Request>& sends = ranks_[receive.peer].sends[rank];
    if (sends.empty()) {
      left.push_back(receive);
      continue;
    }
    HEBB_CHECK(sends.front().bytes == receive.bytes);
    std::memcpy(receive.data, sends.front().data, static_cast<size_t>(receive.bytes));
    sends.pop_front();
  }
  receives = std::move(left);
}

ThreadRing::State ThreadRing::Advance(int rank) {
  absl::MutexLock lock(&mutex_);
  Rank& mine = ranks_[rank];
  Serve(rank);
  std::erase_if(mine.commons, [this](size_t number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return commons_[number].done;
  });
  const bool sent = std::all_of(mine.sends.begin(), mine.sends.end(),
                                [](const auto& to) { return to.second.empty(); });
  if (sent && mine.receives.empty() && mine.commons.empty()) return State::kDone;
  return Lacks(mine) ? State::kLacksPeer : State::kWaits;
}

bool ThreadRing::Lacks(const Rank& rank) const {
  for (const auto& [to, sends] : rank.sends) {
    if (!sends.empty() && ranks_[to].gone) return true;
  }
  const auto from_gone = [this](const Request& receive) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return ranks_[receive.peer].gone;
  };
  return std::any_of(rank.receives.begin(), rank.receives.end(), from_gone) ||
         (!rank.commons.empty() && AnyGone());
}

void ThreadRing::Leave(int rank) {
  absl::MutexLock lock(&mutex_);
  Rank& mine = ranks_[rank];
  mine.gone = true;
  mine.sends.clear();
  mine.receives.clear();
  for (const size_t number : mine.commons) {
    std::erase_if(commons_[number].from, [rank](const auto& from) { return from.rank == rank; });
  }
  mine.commons.clear();
}

}  // namespace hebb::gpu
