// SPDX-License-Identifier: Apache-2.0
#include "worker/comm/local_communicator.h"

#include <algorithm>
#include <cstring>
#include <list>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/check.h"
#include "common/steady_clock.h"
#include "worker/comm/exchange_communicator.h"

namespace hebb::comm {
namespace {

// Where the ranks meet. A message stays in its sender's memory until the receiver has copied it,
// under the lock: simple, exact, and fast enough for its use. Thread-safe.
class Hub {
 public:
  explicit Hub(int size) : ranks_(size) {}

  int size() const { return static_cast<int>(ranks_.size()); }

  absl::Status Exchange(int me, std::span<const Send> sends, std::span<const Receive> receives,
                        absl::Time deadline) {
    absl::MutexLock lock(&mutex_);
    if (!ranks_[me].error.ok()) return ranks_[me].error;
    Post(me, sends);
    std::vector<Receive> open(receives.begin(), receives.end());
    for (;;) {
      TakeAll(me, open);
      if (open.empty() && !AnyUntaken(me)) return absl::OkStatus();
      if (ranks_[me].error.ok()) MissPeers(me, open);
      if (!ranks_[me].error.ok()) {
        Withdraw(me);
        return ranks_[me].error;
      }
      if (SteadyNow() < deadline) {
        ranks_[me].changed.WaitUntil(mutex_, deadline);
      } else {
        ranks_[me].error.Update(absl::DeadlineExceededError(
            absl::StrCat("rank ", me, " of a local gang: a member was silent until the deadline (",
                         open.size(), " messages missing)")));
      }
    }
  }

  // `me` takes part no more: the first reason stays.
  void End(int me, absl::Status why) {
    absl::MutexLock lock(&mutex_);
    ranks_[me].error.Update(why);
    WakeAll();
  }

 private:
  struct Message {
    int from = 0;
    uint32_t tag = 0;
    std::span<const std::byte> data;
  };
  struct Rank {
    std::list<Message> inbox;
    absl::Status error;
    SteadyCondVar changed;
  };

  void WakeAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (Rank& rank : ranks_) rank.changed.Signal();  // one thread a rank
  }

  void Post(int me, std::span<const Send> sends) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (const Send& send : sends) {
      HEBB_CHECK(0 <= send.to && send.to < size() && send.to != me);
      if (send.data.empty()) continue;
      ranks_[send.to].inbox.push_back({me, send.tag, send.data});
      ranks_[send.to].changed.Signal();
    }
  }

  // Copies what has come for `open` and strikes it off.
  void TakeAll(int me, std::vector<Receive>& open) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::list<Message>& inbox = ranks_[me].inbox;
    auto left = open.begin();
    for (const Receive& receive : open) {
      const auto found = std::find_if(inbox.begin(), inbox.end(), [&](const Message& m) {
        return m.from == receive.from && m.tag == receive.tag;
      });
      if (receive.data.empty()) continue;
      if (found == inbox.end()) {
        *left++ = receive;
        continue;
      }
      HEBB_CHECK(found->data.size() == receive.data.size());
      std::memcpy(receive.data.data(), found->data.data(), receive.data.size());
      inbox.erase(found);
      ranks_[receive.from].changed.Signal();
    }
    open.erase(left, open.end());
  }

  bool HasMessageOf(const Rank& rank, int from) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return std::any_of(rank.inbox.begin(), rank.inbox.end(),
                       [&](const Message& m) { return m.from == from; });
  }

  bool AnyUntaken(int me) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return std::any_of(ranks_.begin(), ranks_.end(),
                       [&](const Rank& rank) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
                         return HasMessageOf(rank, me);
                       });
  }

  // Fails `me` if it waits for a rank that takes part no more.
  void MissPeers(int me, const std::vector<Receive>& open) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (int peer = 0; peer < size(); ++peer) {
      if (ranks_[peer].error.ok()) continue;
      const bool waited_for =
          HasMessageOf(ranks_[peer], me) ||
          std::any_of(open.begin(), open.end(), [&](const Receive& r) { return r.from == peer; });
      if (!waited_for) continue;
      ranks_[me].error.Update(absl::UnavailableError(absl::StrCat(
          "rank ", peer, " of the local gang is gone: ", ranks_[peer].error.message())));
    }
  }

  // The memory of this rank's messages is its caller's again.
  void Withdraw(int me) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (Rank& rank : ranks_) {
      rank.inbox.remove_if([&](const Message& m) { return m.from == me; });
    }
    WakeAll();
  }

  absl::Mutex mutex_;
  std::vector<Rank> ranks_;  // the size is constant, the contents are guarded by mutex_
};

class LocalCommunicator : public ExchangeCommunicator {
 public:
  LocalCommunicator(std::shared_ptr<Hub> hub, int rank) : hub_(std::move(hub)), rank_(rank) {}
  ~LocalCommunicator() override { hub_->End(rank_, absl::UnavailableError("it has left")); }

  Topology topology() const override { return {rank_, hub_->size()}; }
  absl::string_view backend() const override { return "local"; }

  absl::Status Exchange(std::span<const Send> sends, std::span<const Receive> receives,
                        absl::Time deadline) override {
    return hub_->Exchange(rank_, sends, receives, deadline);
  }

  void Abort(absl::string_view reason) override { hub_->End(rank_, absl::AbortedError(reason)); }

 private:
  const std::shared_ptr<Hub> hub_;  // shared: it lives as long as its last rank
  const int rank_;
};

}  // namespace

std::vector<std::unique_ptr<Communicator>> MakeLocalGang(int size) {
  const auto hub = std::make_shared<Hub>(size);
  std::vector<std::unique_ptr<Communicator>> ranks;
  for (int rank = 0; rank < size; ++rank) {
    ranks.push_back(std::make_unique<LocalCommunicator>(hub, rank));
  }
  return ranks;
}

}  // namespace hebb::comm
